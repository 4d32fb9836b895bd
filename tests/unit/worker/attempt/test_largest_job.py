"""A job always has room for its settlement, because its parameters have a limit."""

from __future__ import annotations

import bson
from support.job_samples import HOOK, NOW, TYPES, after, current, end, lease, make_job

from secretary_common.jobs.storable import MAX_TEXT_BYTES
from secretary_common.models import (
    JobError,
    JobFile,
    JobProgress,
    Outcome,
    ProgressChange,
    name_fault,
)
from secretary_common.models.file import INLINE_RESULTS_BYTES, MAX_NAME
from secretary_common.mongo.driver.write_group import LARGEST_DOCUMENT_BYTES
from secretary_common.mongo.jobs.document import LARGEST_PARAMETERS_BYTES, check_room, to_document
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.attempt.files import MAX_FILES


def file(n: int) -> JobFile:
    name = f"{n:04}" + "\U00020000" * (MAX_NAME - 4)  # four bytes a character
    assert name_fault(name) is None
    return JobFile(
        name=name,
        file_id=f"file-{'0' * 36}",
        size=2**40,
        sha256="0" * 64,
        content_type="application/" + "x" * 100,
    )


async def test_the_largest_job_has_room_for_everything_that_attempts_may_write() -> None:
    jobs = InMemoryJobRepository()
    parameters = {"text": "x" * (LARGEST_PARAMETERS_BYTES - 100)}
    await jobs.insert(make_job(parameters=parameters, webhook=HOOK, tags=["t" * 1000]))
    job = await jobs.claim("job-1", lease(), NOW, TYPES)
    assert job is not None
    text = "\0" * MAX_TEXT_BYTES
    step = JobProgress(step=text, message=text)
    await jobs.record_progress(ProgressChange("job-1", "t1", 2, after(1), step, None))
    error = JobError(code=text, message=text, details={"text": text})
    retry = end(Outcome.RETRY, seq=3, error=error, run_at=NOW)
    await jobs.settle(job, "t1", retry)
    again = await jobs.claim("job-1", lease("t2"), NOW, TYPES)
    assert again is not None
    await jobs.record_progress(ProgressChange("job-1", "t2", 5, after(1), step, None))
    # Small numbers grow most: from 2 bytes each in JSON to 11 or 12 in BSON.
    results = {"numbers": [1] * (INLINE_RESULTS_BYTES // 2)}
    files = tuple(file(n) for n in range(MAX_FILES))
    done = end(Outcome.COMPLETED, seq=6, results=results, files=files)
    assert await jobs.settle(again, "t2", done) == done
    ended = await current(jobs)
    assert (ended.results, len(ended.files)) == (results, MAX_FILES)
    everything = ended.model_copy(update={"error": error, "progress": step})
    check_room(everything)
    assert len(bson.encode(to_document(everything))) < LARGEST_DOCUMENT_BYTES
