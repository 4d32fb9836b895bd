"""A job and what it is made of."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from secretary_common.models.file import JobFile, ResultsFile
from secretary_common.models.states import TERMINAL, JobStatus, Phase
from secretary_common.models.value import JsonObject, LogLevel, SealedSecret, Value


class JobProgress(Value):
    """How far an attempt is."""

    step: str = ""
    percent: int = Field(default=0, ge=0, le=100)
    message: str = ""

    def no_less_than(self, percent: int) -> JobProgress:
        """It, with *percent* if it has fallen below that."""
        fallen = self.percent < percent
        return self.model_copy(update={"percent": percent}) if fallen else self


class JobError(Value):
    """Why a job failed; ``details`` are for the job's owner and never go into a webhook whole."""

    code: str
    message: str
    details: JsonObject | None = None


class LogEntry(Value):
    """One line a handler, or the engine, wrote about a job."""

    timestamp: datetime
    level: LogLevel
    message: str
    attempt: int
    seq: int
    """Counts the entries of one attempt, from 0."""


class Lease(Value):
    """The right to work on something until ``expires_at`` (the server's time)."""

    owner: str
    """The process, anew at each boot."""
    token: str
    """This very claim."""
    expires_at: datetime


class Settled(Value):
    """What the last holder left in place of its lease: tells a lost answer from a lost race."""

    token: str
    outcome: str


class Silence(Value):
    """An attempt whose code ran while its worker died or froze: what the watchdog saw."""

    run: int
    attempt: int
    token: str
    """Of the attempt's lease: the same silence is recorded once."""
    worker: str
    """The owner of that lease."""
    how: str
    """``died`` or ``frozen``."""
    at: datetime


class NotifySlot(Value):
    """The webhook outbox of a job: one event waiting to become a delivery."""

    seq: int
    run: int
    phase: Phase
    due_at: datetime


class Webhook(Value):
    """Where a job's events go; secrets as they lie in MongoDB."""

    url: str
    client_job_id: str | None = None
    """What the client calls this job (``jobId`` on the wire)."""
    progress: bool = True
    token: SealedSecret | None = None
    secret: SealedSecret | None = None


class Idempotency(Value):
    """What a client called its submission, so that a repeat of it makes nothing new."""

    key: str
    """The header ``Idempotency-Key``; unique among those of the owner."""
    body_hmac: str
    """Tells a repeat from another submission under the same key, without keeping the body."""
    at: datetime
    """When it was first seen; it counts for 48 h."""


POISON_AFTER = 2
"""A job that silenced so many workers in one run takes no other."""


class Job(BaseModel):
    """A job as the store holds it. Times are aware UTC, to the millisecond."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    job_type: str
    job_name: str | None = None
    status: JobStatus = JobStatus.PENDING
    parameters: JsonObject = Field(default_factory=dict)
    priority: int = 5
    tags: list[str] = Field(default_factory=list)
    user_id: str | None = None
    owner: str
    """The id of the API key that submitted it."""
    batch_id: str | None = None
    idempotency: Idempotency | None = None
    run: int = 1
    """Raised by each explicit retry."""
    run_at: datetime
    attempt: int = 0
    """Raised by each claim; never falls."""
    forgiven: int = 0
    """Attempts that do not count: hand-backs, and all those before an explicit retry."""
    max_attempts: int = 3
    timeout_sec: float | None = None
    created_at: datetime
    updated_at: datetime
    processing_started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    deleted_at: datetime | None = None
    lease: Lease | None = None
    settled: Settled | None = None
    silences: list[Silence] = Field(default_factory=list)
    """The attempts of this run whose code froze or ended their worker, the first one first."""
    cancel_requested: bool = False
    progress: JobProgress | None = None
    results: JsonObject | None = None
    results_file: ResultsFile | None = None
    """In place of ``results`` when they are large."""
    files: list[JobFile] = Field(default_factory=list)
    """What its last run left, in the order it was added."""
    error: JobError | None = None
    seq: int = 0
    """Counts visible changes."""
    notify: NotifySlot | None = None
    notified_at: datetime | None = None
    webhook: Webhook | None = None
    usage: JsonObject | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its run is over."""
        return self.status in TERMINAL

    @property
    def counted_attempts(self) -> int:
        """The attempts that count against ``max_attempts``."""
        return self.attempt - self.forgiven

    @property
    def is_spent(self) -> bool:
        """Whether no attempt is left once the current one is lost."""
        return self.counted_attempts >= self.max_attempts

    @property
    def is_poison(self) -> bool:
        """Whether its code froze or ended so many workers that it must not get another."""
        return len(self.silences) >= POISON_AFTER
