"""The end of an attempt as the job can hold it: decided without I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from secretary_common.errors import NotStorable
from secretary_common.jobs.storable import cleaned, cut_object, cut_text
from secretary_common.models import (
    JobError,
    JobFile,
    JobProgress,
    JobStatus,
    JsonObject,
    Outcome,
    ResultsFile,
    Settlement,
)
from secretary_worker.attempt.commands import Results
from secretary_worker.attempt.verdict import Verdict

DONE = JobProgress(step="completed", percent=100, message="Processing completed")


def settlement_of(
    verdict: Verdict,
    outcome: Outcome,
    *,
    now: datetime,
    seq: int,
    percent: int,
    progress: JobProgress | None,
    results: Results | None,
    results_file: ResultsFile | None,
    files: tuple[JobFile, ...],
    usage: JsonObject | None,
    retention: timedelta,
) -> Settlement:
    """The settlement *verdict* comes to.

    Results count for a job that is completed, files for any that has ended.

    Args:
        verdict: how the attempt ended.
        outcome: that of the verdict.
        now: the time now.
        seq: of the change this is.
        percent: how far the attempt said it was.
        progress: what it said of that, if it is not written yet.
        results: the newest ones, if there are any.
        results_file: where they are, if they are too large to stand in the job.
        files: those the attempt has stored.
        usage: what it used.
        retention: how long a job is kept that has ended.
    """
    ended = outcome.status is not JobStatus.PENDING
    completed = outcome is Outcome.COMPLETED
    return Settlement(
        outcome=outcome,
        at=now,
        seq=seq,
        results=results.value if completed and results else None,
        results_file=results_file if completed else None,
        files=files if ended else (),
        error=verdict.error and fitting(verdict.error),
        progress=DONE if completed and percent < DONE.percent else progress,
        run_at=verdict.run_at,
        usage=usage if ended else None,
        expires_at=now + retention if ended else None,
    )


def slim(settlement: Settlement, results_file: ResultsFile | None) -> Settlement:
    """*settlement* with as little in the job itself as can be, its results in *results_file*."""
    error = settlement.error and settlement.error.model_copy(update={"details": None})
    return replace(
        settlement,
        results=None,
        results_file=results_file,
        error=error,
        progress=None,
        usage=None,
    )


def fitting(error: JobError) -> JobError:
    """*error*, whoever raised it, as a job can hold it."""
    details = error.details
    if details is not None:
        try:
            details = cut_object(cleaned(details))
        except NotStorable:
            details = {"text": cut_text(repr(details))}
    return JobError(code=cut_text(error.code), message=cut_text(error.message), details=details)
