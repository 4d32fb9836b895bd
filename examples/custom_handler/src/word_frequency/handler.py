"""Handles ``word_frequency`` jobs; named in ``worker.handler_modules``."""

from __future__ import annotations

import asyncio
import time

from secretary_common.errors import PermanentError
from secretary_common.models import Job, JobProgress
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register
from word_frequency.frequency import count_words, to_csv
from word_frequency.parameter import WordFrequencyParameters


async def handle_word_frequency(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """Count the words of the job's text and store the list of all words as a file.

    Raises:
        PermanentError: NO_WORDS, the text has no words.
    """
    parameters = WordFrequencyParameters.model_validate(job.parameters)
    repo.update_job_progress(job.job_id, JobProgress(step="counting", percent=10))
    started = time.process_time()
    # In a thread: all handlers of a worker share one event loop.
    counted = await asyncio.to_thread(count_words, parameters.text, ignore=parameters.ignore)
    resource_calculator.add_compute_seconds(time.process_time() - started)
    if not counted:
        # Another attempt would find none either, so the job fails at once.
        raise PermanentError("there are no words in the text", code="NO_WORDS")
    repo.add_log_entry(job.job_id, "info", f"{len(counted)} different words")
    repo.update_job_progress(job.job_id, JobProgress(step="writing", percent=80))
    # Every attempt uses the same name, so a second attempt does no harm.
    await repo.add_file(job.job_id, "words.csv", to_csv(counted).encode(), "text/csv")
    results = {
        "words": counted.total(),
        "different_words": len(counted),
        "most_common": counted.most_common(parameters.top),
    }
    repo.update_job_results(job.job_id, results)
    # Returning completes the job.


register("word_frequency", handle_word_frequency, params=WordFrequencyParameters, timeout_sec=60)
