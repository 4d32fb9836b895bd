"""The values of an attempt: candidate, renewal, progress, outcome, settlement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from secretary_common.models.file import JobFile, ResultsFile
from secretary_common.models.job import JobError, JobProgress, NotifySlot, OvertakenProgress
from secretary_common.models.states import JobStatus
from secretary_common.models.value import JsonObject


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting job, reduced to the fields by which a worker chooses."""

    job_id: str
    job_type: str
    priority: int
    owner: str
    run_at: datetime


LATEST_RENEWAL = timedelta(minutes=5)
"""The longest time after which a renewal may still arrive, behind later renewals."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A job whose lease a renewal has extended."""

    token: str
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class ProgressChange:
    """A progress write by the attempt that holds the job."""

    job_id: str
    token: str
    seq: int
    at: datetime
    progress: JobProgress
    slot: NotifySlot | None
    """The event for the outbox slot; an earlier ``due_at`` in the slot stays."""
    asks_notified_at: bool = True
    """Whether the writer needs the job's ``notified_at``, which costs a read after the write."""


class Outcome(StrEnum):
    """The end of an attempt; also the value of ``settled.outcome``."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRY = "retry"
    """Failed; the next attempt starts at ``run_at``."""
    HANDED_BACK = "handed_back"
    """The attempt was interrupted for a reason outside the job, and does not count."""

    @property
    def status(self) -> JobStatus:
        """The state of the job after this outcome."""
        if self in (Outcome.RETRY, Outcome.HANDED_BACK):
            return JobStatus.PENDING
        return JobStatus(self.value)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The one write that ends an attempt."""

    outcome: Outcome
    at: datetime
    seq: int
    results: JsonObject | None = None
    results_file: ResultsFile | None = None
    """Replaces ``results`` when they are large."""
    files: tuple[JobFile, ...] = ()
    """The files that this attempt leaves on the job; for terminal outcomes."""
    error: JobError | None = None
    progress: JobProgress | None = None
    reason: str | None = None
    """Why the attempt is handed back."""
    worker_was_unfit: bool = False
    """Handed back because the worker lacked something."""
    run_at: datetime | None = None
    """The earliest start of the next attempt, for RETRY and HANDED_BACK."""
    usage: JsonObject | None = None
    expires_at: datetime | None = None
    """The end of the retention, for terminal outcomes."""
    overtaken: OvertakenProgress | None = None
    """The progress event that the webhook gets before the event of the end."""
