"""Maps each way in which an attempt can end to one verdict. No I/O, no clock, no randomness."""

from __future__ import annotations

import errno
import math
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from secretary_common.errors import (
    ErrorCode,
    Lack,
    PermanentError,
    SecretaryError,
    TransientError,
    WorkerUnfit,
)
from secretary_common.jobs.attempts import lost_in_run
from secretary_common.jobs.backoff import retry_delay
from secretary_common.jobs.payload import UNEXPECTED_MARK
from secretary_common.models import Job, JobError, JobStatus, Outcome

TRACEBACK_BYTES = 4096
LONGEST_WAIT_SEC = 365 * 86_400.0
AT_ONCE = 3
"""The number of unfit workers in one run that hand a job back without a delay."""
OTHERWISE_AFTER = 8
"""After this many unfit workers, which takes about three minutes, the job counts as the cause."""
LACK_OF_ERRNO = {
    errno.EMFILE: Lack.DESCRIPTORS,
    errno.ENFILE: Lack.DESCRIPTORS,
    errno.ENOSPC: Lack.ROOM,
    errno.EDQUOT: Lack.ROOM,
}
WORKER_UNFIT = "worker_unfit"
"""The reason of a hand-back because the worker lacked something."""
NO_FOLDER = "No usable temporary directory found"
"""The text of ``tempfile`` without a folder that it can write to."""


class Interruption(StrEnum):
    """The reason why the engine stops a handler."""

    LEASE_LOST = "lease_lost"
    LEASE_UNCONFIRMED = "lease_unconfirmed"
    """MongoDB did not confirm the lease in time, so another worker may take the job soon."""
    CANCEL_REQUESTED = "cancel_requested"
    TIMED_OUT = "timed_out"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a handler: it returned, raised, or was interrupted."""

    interruption: Interruption | None = None
    raised: BaseException | None = None
    reported_error: JobError | None = None
    """The error that the handler set with ``update_job_error``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of an attempt for its job, with the error and the time of the next attempt."""

    outcome: Outcome
    error: JobError | None = None
    run_at: datetime | None = None
    lack: Lack | None = None
    """The lack because of which the worker hands the job back, or None."""
    reason: str | None = None
    """Why the worker hands the job back; None for other outcomes."""


def decide(job: Job, ending: Ending, now: datetime, random: float) -> Verdict | None:
    """Return the verdict on an attempt of *job*.

    None means that the lease was lost, so the attempt must write nothing.

    Args:
        job: the job as it was claimed.
        ending: the end of the handler.
        now: the current time.
        random: a number in [0, 1), for the jitter of the backoff.
    """
    match ending.interruption:
        case Interruption.LEASE_LOST:
            return None
        case Interruption.CANCEL_REQUESTED:
            return Verdict(Outcome.CANCELLED)
        case Interruption.SHUTDOWN | Interruption.LEASE_UNCONFIRMED:
            return Verdict(Outcome.HANDED_BACK, run_at=now, reason=ending.interruption.value)
        case Interruption.TIMED_OUT:
            error = JobError(code=ErrorCode.JOB_TIMEOUT, message="The attempt took too long.")
            return _retry(job, error, now, None, random)
        case None:
            try:
                return _of_handler(job, ending, now, random)
            except BaseException as error:  # noqa: BLE001 - a property of the raised exception
                return _retry(job, _unreadable(ending.raised, error), now, None, random)


def verdict_of_status(status: JobStatus, error: JobError | None) -> Verdict:
    """Return the verdict on an attempt whose handler ended the job with *status*.

    *error* is the error that the handler set before, or None.
    """
    if status is JobStatus.FAILED and error is None:
        error = JobError(code=ErrorCode.PROCESSING_ERROR, message="The handler reported a failure.")
    return Verdict(Outcome(status.value), error if status is JobStatus.FAILED else None)


def _of_handler(job: Job, ending: Ending, now: datetime, random: float) -> Verdict:
    raised = ending.raised and _only_leaf(ending.raised)
    if raised is None:
        if ending.reported_error:
            return Verdict(Outcome.FAILED, ending.reported_error)
        return Verdict(Outcome.COMPLETED)
    if (unfit := _unfit(raised)) is not None:
        if unfit.otherwise is None or job.unfit_workers < OTHERWISE_AFTER:
            return _handed_on(job, unfit, now, random)
        raised = unfit.otherwise
    error = describe(raised)
    if isinstance(raised, PermanentError):
        return Verdict(Outcome.FAILED, error)
    retry_after = getattr(raised, "retry_after", None)
    if not isinstance(raised, TransientError):
        retry_after = None
    return _retry(job, error, now, retry_after, random)


def _handed_on(job: Job, unfit: WorkerUnfit, now: datetime, random: float) -> Verdict:
    """Return the verdict that hands the job back, with a delay after ``AT_ONCE`` workers."""
    beyond = job.unfit_workers + 1 - AT_ONCE
    delay = retry_delay(beyond, random) if beyond > 0 else 0.0
    run_at = now + timedelta(seconds=delay)
    error = describe(unfit)
    return Verdict(Outcome.HANDED_BACK, error, run_at, lack=unfit.lack, reason=WORKER_UNFIT)


def _unfit(raised: BaseException) -> WorkerUnfit | None:
    """Return the ``WorkerUnfit`` in *raised*; None if *raised* does not mean an unfit worker.

    An ``OSError`` for missing descriptors or a full disk also means an unfit worker. Its
    ``otherwise`` replaces it after ``OTHERWISE_AFTER`` unfit workers.
    """
    for leaf in _leaves(raised):
        if isinstance(leaf, WorkerUnfit):
            return leaf
        if isinstance(leaf, OSError) and (lack := _lack_of(leaf)):
            code = ErrorCode.NO_ROOM if lack is Lack.ROOM else ErrorCode.WORKER_UNFIT
            otherwise = TransientError(f"{type(leaf).__name__}: {text_of(leaf)}", code=code)
            return WorkerUnfit(lack, text_of(leaf), code=code, otherwise=otherwise)
    return None


def _lack_of(error: OSError) -> Lack | None:
    """Return what the worker lacks according to *error*; None if it says nothing about that.

    ``tempfile`` hides the reason: it raises ENOENT after it could create a file in no folder.
    """
    if error.errno == errno.ENOENT and NO_FOLDER in str(error.strerror):
        return Lack.TEMPORARY_FILES
    return LACK_OF_ERRNO.get(error.errno or 0)


def _leaves(raised: BaseException) -> list[BaseException]:
    if isinstance(raised, BaseExceptionGroup):
        return [leaf for part in raised.exceptions for leaf in _leaves(part)]
    return [raised]


def _only_leaf(raised: BaseException) -> BaseException:
    """Return the exception inside a group of one. A ``TaskGroup`` of the handler makes such groups.

    Any other exception is returned unchanged.
    """
    while isinstance(raised, BaseExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]
    return raised


def _retry(
    job: Job, error: JobError, now: datetime, retry_after: float | None, random: float
) -> Verdict:
    if job.is_spent:
        return Verdict(Outcome.FAILED, error)
    asked = _seconds(retry_after)
    delay = retry_delay(job.counted_attempts, random) if asked is None else asked
    return Verdict(Outcome.RETRY, error, now + timedelta(seconds=delay))


def _seconds(retry_after: object) -> float | None:
    """Return the seconds for which a handler asks, within limits; None if it gave no number."""
    try:
        asked = float(text_of(retry_after))
    except ValueError:
        return None
    return None if math.isnan(asked) else min(max(asked, 0.0), LONGEST_WAIT_SEC)


def describe(raised: BaseException) -> JobError:
    """Return the error for a raised exception.

    One of Secretary's exceptions gives its code, message and details. Any other exception gives its
    type, its text and the last 4 KiB of its traceback. No webhook contains this text or the
    traceback.
    """
    if isinstance(raised, SecretaryError):
        return _described_by_itself(raised)
    return JobError(
        code=ErrorCode.PROCESSING_ERROR,
        message=f"{type(raised).__name__}: {text_of(raised)}",
        details={UNEXPECTED_MARK: type(raised).__name__, "traceback": _traceback_of(raised)},
    )


def _described_by_itself(raised: SecretaryError) -> JobError:
    """Return the error for *raised*, whose class may be defined by a handler package.

    Such a class may give its fields any type. The fields are missing if its ``__init__`` does not
    call the ``__init__`` of ``SecretaryError``.
    """
    details: Any = getattr(raised, "details", None)
    if details is not None and not isinstance(details, dict):
        details = {"details": details}
    return JobError(
        code=text_of(getattr(raised, "code", ErrorCode.PROCESSING_ERROR)),
        message=text_of(getattr(raised, "message", raised)),
        details=details and {text_of(name): value for name, value in details.items()},
    )


def _unreadable(raised: BaseException | None, error: BaseException) -> JobError:
    """Return the error for an exception that raised *error* when its fields were read."""
    kind = type(raised).__name__
    message = f"{kind}: (its fields cannot be read: {type(error).__name__})"
    details = {UNEXPECTED_MARK: kind}
    return JobError(code=ErrorCode.PROCESSING_ERROR, message=message, details=details)


def text_of(value: object) -> str:
    """Return *value* as text, even if its ``__str__`` raises."""
    try:
        return str(value)
    except BaseException as error:  # noqa: BLE001 - code of a handler; the verdict must stand
        return f"({type(value).__name__} has no text: its __str__ raised {type(error).__name__})"


def _traceback_of(raised: BaseException) -> str:
    try:
        lines = "".join(traceback.format_exception(raised))
    except Exception as error:  # noqa: BLE001 - fields of the exception may be of any type
        lines = f"(no traceback: {type(error).__name__})"
    return lines.encode(errors="replace")[-TRACEBACK_BYTES:].decode(errors="ignore")


_OF_A_LOSS = {"attempt", "worker", "started_at", "ended_at"}


def poisoned(job: Job) -> JobError:
    """Return the error for a job whose code froze or ended too many workers."""
    attempts = ", ".join(str(failure.attempt) for failure in job.worker_failures)
    return JobError(
        code=ErrorCode.POISONED,
        message=f"Code of this job froze or ended its worker in these attempts: {attempts}.",
        details={
            "worker_failures": [
                failure.model_dump(mode="json", exclude={"run", "token"})
                for failure in job.worker_failures
            ]
        },
    )


def lost_with_worker(job: Job) -> JobError:
    """Return the error for a job that has lost its worker too often."""
    lost = job.lost_leases + 1
    return JobError(
        code=ErrorCode.WORKER_LOST,
        message=f"The job lost its worker {lost} times in this run.",
        details={
            "lost_leases": lost,
            "attempts": [
                record.model_dump(mode="json", include=_OF_A_LOSS) for record in lost_in_run(job)
            ],
        },
    )
