"""Every way an attempt can end, mapped to exactly one verdict: no I/O, no clock, no randomness."""

from __future__ import annotations

import math
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.jobs.backoff import retry_delay
from secretary_common.models import Job, JobError, Outcome

TRACEBACK_BYTES = 4096
LONGEST_WAIT_SEC = 365 * 86_400.0


class Interruption(StrEnum):
    """Why the engine stopped a handler."""

    LEASE_LOST = "lease_lost"
    CANCEL_REQUESTED = "cancel_requested"
    TIMED_OUT = "timed_out"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a handler ended: it returned, raised, or was interrupted."""

    interruption: Interruption | None = None
    raised: BaseException | None = None
    reported_error: JobError | None = None
    """What it left with ``update_job_error``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the attempt; ``outcome`` None means: write nothing, somebody else has it."""

    outcome: Outcome | None
    error: JobError | None = None
    run_at: datetime | None = None


STOP = Verdict(None)


def decide(job: Job, ending: Ending, now: datetime, random: float) -> Verdict:
    """The verdict on an attempt of *job* (design §2, Attempts).

    Args:
        job: as it was claimed.
        ending: how its handler ended.
        now: the time now.
        random: a number in [0, 1), for the jitter of the backoff.
    """
    match ending.interruption:
        case Interruption.LEASE_LOST:
            return STOP
        case Interruption.CANCEL_REQUESTED:
            return Verdict(Outcome.CANCELLED)
        case Interruption.SHUTDOWN:
            return Verdict(Outcome.HANDED_BACK, run_at=now)
        case Interruption.TIMED_OUT:
            error = JobError(code=ErrorCode.JOB_TIMEOUT, message="The attempt took too long.")
            return _again(job, error, now, None, random)
        case None:
            return _of_handler(job, ending, now, random)


def _of_handler(job: Job, ending: Ending, now: datetime, random: float) -> Verdict:
    raised = ending.raised
    if raised is None:
        if ending.reported_error:
            return Verdict(Outcome.FAILED, ending.reported_error)
        return Verdict(Outcome.COMPLETED)
    error = describe(raised)
    if isinstance(raised, PermanentError):
        return Verdict(Outcome.FAILED, error)
    retry_after = raised.retry_after if isinstance(raised, TransientError) else None
    return _again(job, error, now, retry_after, random)


def _again(
    job: Job, error: JobError, now: datetime, retry_after: float | None, random: float
) -> Verdict:
    if job.is_spent:
        return Verdict(Outcome.FAILED, error)
    asked = _seconds(retry_after)
    delay = retry_delay(job.counted_attempts, random) if asked is None else asked
    return Verdict(Outcome.RETRY, error, now + timedelta(seconds=delay))


def _seconds(retry_after: object) -> float | None:
    """What a handler asks for, within ``LONGEST_WAIT_SEC``; None if it makes no sense."""
    try:
        asked = float(str(retry_after))
    except ValueError:
        return None
    return None if math.isnan(asked) else min(max(asked, 0.0), LONGEST_WAIT_SEC)


def describe(raised: BaseException) -> JobError:
    """The error a raised exception stands for: its own words if it is ours, else a traceback.

    The traceback keeps its last 4 KiB; it is for the job's owner and never goes into a webhook.
    """
    if isinstance(raised, SecretaryError):
        # A handler need not be typed: whatever it raised with, its error is told.
        details: Any = raised.details
        if details is not None and not isinstance(details, dict):
            details = {"details": details}
        return JobError(code=str(raised.code), message=str(raised.message), details=details)
    lines = "".join(traceback.format_exception(raised))
    return JobError(
        code=ErrorCode.PROCESSING_ERROR,
        message=f"{type(raised).__name__}: {raised}",
        details={
            "error_type": type(raised).__name__,
            "traceback": lines.encode(errors="replace")[-TRACEBACK_BYTES:].decode(errors="ignore"),
        },
    )


def poisoned(job: Job) -> JobError:
    """The error of a job whose code froze or ended its worker too often."""
    attempts = ", ".join(str(silence.attempt) for silence in job.silences)
    return JobError(
        code=ErrorCode.POISONED,
        message=f"Code of this job froze or ended its worker in these attempts: {attempts}.",
        details={
            "silences": [
                silence.model_dump(mode="json", exclude={"run", "token"})
                for silence in job.silences
            ]
        },
    )


def lost_with_worker(job: Job) -> JobError:
    """The error of a job whose attempts were all lost with their workers."""
    return JobError(
        code=ErrorCode.WORKER_LOST,
        message=f"The worker was lost in each of {job.counted_attempts} attempts.",
    )
