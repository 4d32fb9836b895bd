"""The records of a job's attempts, made from what its other fields say. Pure rules.

The write that makes a job leave an attempt adds the record of that attempt: an automatic retry, a
hand-back, a reclaim, an explicit retry. The record of the last attempt is not stored: ``history``
reads it from the job. So a job with one attempt stores no record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from secretary_common.models import (
    LOST,
    RUNNING,
    AttemptRecord,
    Job,
    JobError,
    JobStatus,
    LogLevel,
    Outcome,
    Settlement,
)

MESSAGE_CHARACTERS = 1000
"""A record keeps this much of an error's message; the job's log has all of it."""
LEASE_LOST = "lease_lost"
POISON = "worker_failure"
_FINAL = frozenset({Outcome.COMPLETED.value, Outcome.FAILED.value, Outcome.CANCELLED.value})


def settled_attempt(job: Job, end: Settlement) -> AttemptRecord:
    """Return the record of the attempt that *end* settles; *job* as it was claimed."""
    return _record(
        job,
        outcome=end.outcome.value,
        ended_at=end.at,
        forgiven=end.outcome is Outcome.HANDED_BACK,
        reason=end.reason,
        error=end.error,
        next_attempt_at=end.run_at,
    )


def lost_attempt(job: Job) -> AttemptRecord:
    """Return the record of an attempt whose lease has ended; *job* is not reclaimed yet."""
    return _record(
        job,
        outcome=LOST,
        ended_at=job.lease.expires_at if job.lease else None,
        forgiven=True,
        reason=_reason_of_loss(job),
    )


def last_attempt(job: Job) -> AttemptRecord | None:
    """Return the record of the attempt that runs, or that ended the run; None if there is none."""
    if job.status is JobStatus.PROCESSING:
        return _record(job, outcome=RUNNING)
    settled = job.settled
    # An earlier attempt settled the job, if a client cancelled the job while it was pending.
    ends_here = settled is not None and settled.outcome in _FINAL
    if not job.has_ended or settled is None or not ends_here or job.processing_started_at is None:
        return None
    return _record(
        job,
        outcome=LOST if settled.lost else settled.outcome,
        ended_at=job.completed_at,
        reason=_reason_of_loss(job) if settled.lost else None,
        error=job.error,
    )


def history(job: Job) -> list[AttemptRecord]:
    """Return the records of the job's attempts, the oldest first."""
    last = last_attempt(job)
    return [*job.attempts, last] if last else list(job.attempts)


def line_of(record: AttemptRecord, error: JobError | None) -> tuple[LogLevel, str] | None:
    """Return the level and the text of the log line about an attempt; None if it needs none.

    *error*: the whole error of the attempt, whose traceback the line shows.
    """
    name = f"Attempt {record.attempt}"
    if record.outcome == LOST:
        return "warning", f"{name} was lost with its worker {record.worker} ({record.reason})."
    if record.outcome == Outcome.HANDED_BACK:
        why = f"{record.reason}: {error.message}" if error else record.reason
        return "warning", f"{name} was handed back by the worker {record.worker} ({why})."
    if error is None:
        return None
    follows = ""
    if record.next_attempt_at:
        follows = f" The next attempt starts at {record.next_attempt_at:%Y-%m-%dT%H:%M:%SZ}."
    traceback = (error.details or {}).get("traceback")
    below = f"\n{traceback}" if isinstance(traceback, str) else ""
    return "error", f"{name} failed with {error.code}: {error.message}{follows}{below}"


def waited_sec(record: AttemptRecord, before: AttemptRecord | None) -> float | None:
    """Return how long the job was due before this attempt started, in seconds.

    After a lost attempt, the job was due from the end of the lease; *before*: the attempt before.
    """
    due_at = record.due_at
    if before and before.outcome == LOST and before.ended_at and due_at:
        due_at = max(due_at, before.ended_at)
    return _seconds(due_at, record.started_at)


def ran_sec(record: AttemptRecord) -> float | None:
    """Return how long the attempt ran, in seconds; None while it runs."""
    return _seconds(record.started_at, record.ended_at)


def lost_in_run(job: Job) -> Sequence[AttemptRecord]:
    """Return the lost attempts of this run, with the one that holds *job* under an ended lease."""
    earlier = [one for one in job.attempts if one.run == job.run and one.outcome == LOST]
    return [*earlier, lost_attempt(job)]


def _reason_of_loss(job: Job) -> str:
    is_named = any(failure.attempt == job.attempt for failure in job.worker_failures)
    return POISON if is_named else LEASE_LOST


def _record(
    job: Job,
    *,
    outcome: str,
    ended_at: datetime | None = None,
    forgiven: bool = False,
    reason: str | None = None,
    error: JobError | None = None,
    next_attempt_at: datetime | None = None,
) -> AttemptRecord:
    holder = job.lease or job.settled
    return AttemptRecord(
        run=job.run,
        attempt=job.attempt,
        worker=_worker_of(job),
        host=holder.host if holder else None,
        due_at=job.run_at,
        started_at=job.processing_started_at,
        ended_at=ended_at,
        outcome=outcome,
        forgiven=forgiven,
        reason=reason,
        error_code=error.code if error else None,
        error_message=error.message[:MESSAGE_CHARACTERS] if error else None,
        next_attempt_at=next_attempt_at,
    )


def _worker_of(job: Job) -> str | None:
    if job.lease:
        return job.lease.owner
    return job.settled.worker if job.settled else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round(max((end - start).total_seconds(), 0.0), 3)
