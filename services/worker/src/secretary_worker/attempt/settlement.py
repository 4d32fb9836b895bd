"""Builds the settlement of an attempt, the content of the write that ends it. No I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from secretary_common.errors import NotStorable
from secretary_common.jobs.payload import UNEXPECTED_MARK
from secretary_common.jobs.storable import cleaned, cut_object, cut_text
from secretary_common.models import (
    JobError,
    JobProgress,
    JobStatus,
    JsonObject,
    Outcome,
    ResultsFile,
    Settlement,
)
from secretary_worker.attempt.files import AttemptFiles
from secretary_worker.attempt.progress import AttemptProgress
from secretary_worker.attempt.verdict import Verdict, text_of

DONE = JobProgress(step="completed", percent=100, message="Processing completed")


def settlement_of(
    verdict: Verdict,
    progress: AttemptProgress,
    files: AttemptFiles,
    *,
    usage: JsonObject | None,
    now: datetime,
    retention: timedelta,
) -> Settlement:
    """Return the settlement for *verdict* from the reports and files of the attempt.

    The job gets the results only if it is completed, and the files only if it has ended. A job that
    has ended is kept for *retention*.
    """
    ended = verdict.outcome.status is not JobStatus.PENDING
    completed = verdict.outcome is Outcome.COMPLETED
    falls_short = completed and progress.percent < DONE.percent
    overtaken = progress.overtaken(now) if ended else None
    return Settlement(
        outcome=verdict.outcome,
        at=now,
        seq=max(progress.next_seq, overtaken.seq + 1 if overtaken else 0),
        results=files.results.value if completed and files.results else None,
        results_file=files.results_file if completed else None,
        files=files.files if ended else (),
        error=verdict.error and storable(verdict.error),
        progress=DONE if falls_short else progress.unwritten,
        run_at=verdict.run_at,
        reason=verdict.reason,
        worker_was_unfit=verdict.lack is not None,
        usage=usage if ended else None,
        expires_at=now + retention if ended else None,
        overtaken=overtaken,
    )


def reduced(settlement: Settlement, results_file: ResultsFile | None) -> Settlement:
    """Return *settlement* reduced so that any job document has room for it.

    *results_file* is the file with the results, if there are results.
    """
    error = settlement.error and _without_details(settlement.error)
    return replace(
        settlement,
        results=None,
        results_file=results_file,
        error=error,
        progress=None,
        usage=None,
        overtaken=None,
    )


def _without_details(error: JobError) -> JobError:
    """Return *error* without its details, except the mark that keeps the message from webhooks."""
    mark = (error.details or {}).get(UNEXPECTED_MARK)
    return error.model_copy(update={"details": mark and {UNEXPECTED_MARK: mark}})


def storable(error: JobError) -> JobError:
    """Return *error* in a form that a job can store.

    Long texts are cut. Details that cannot be stored become one text.
    """
    details = error.details
    if details is not None:
        try:
            details = cut_object(cleaned(details))
        except NotStorable:
            details = {"text": cut_text(text_of(details))}
    return JobError(code=cut_text(error.code), message=cut_text(error.message), details=details)
