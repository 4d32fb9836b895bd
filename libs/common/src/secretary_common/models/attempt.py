"""What happens to a job: it is chosen, held, progresses and is settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secretary_common.models.file import JobFile, ResultsFile
from secretary_common.models.job import JobError, JobProgress, NotifySlot
from secretary_common.models.states import JobStatus
from secretary_common.models.value import JsonObject


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting job, as much of it as choosing needs."""

    job_id: str
    job_type: str
    priority: int
    owner: str
    run_at: datetime


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a renewal brought back about one job still held."""

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
    """The event for the outbox slot; its ``due_at`` yields to an earlier one there."""


class Outcome(StrEnum):
    """How an attempt ended; also what ``settled.outcome`` says."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRY = "retry"
    """Failed, to be tried again at ``run_at``."""
    HANDED_BACK = "handed_back"
    """Interrupted by no fault of its own: does not count."""

    @property
    def status(self) -> JobStatus:
        """The state the job moves to."""
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
    """In place of ``results`` when they are large."""
    files: tuple[JobFile, ...] = ()
    """The files of this attempt that count from now on; for terminal outcomes."""
    error: JobError | None = None
    progress: JobProgress | None = None
    run_at: datetime | None = None
    """For RETRY and HANDED_BACK: when the next attempt may start."""
    usage: JsonObject | None = None
    expires_at: datetime | None = None
    """For terminal outcomes: when retention ends."""
