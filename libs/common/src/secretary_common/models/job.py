"""A job, the parts of a job, and the query of a listing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from secretary_common.models.attempt import AttemptRecord
from secretary_common.models.file import JobFile, ResultsFile
from secretary_common.models.states import TERMINAL, JobStatus, Phase
from secretary_common.models.value import JsonObject, LogLevel, SealedSecret, Value


class JobProgress(Value):
    """The step, the percentage and a message of an attempt."""

    step: str = ""
    percent: int = Field(default=0, ge=0, le=100)
    message: str = ""

    def no_less_than(self, percent: int) -> JobProgress:
        """Return this progress, with its percentage raised to *percent* if it is lower."""
        fallen = self.percent < percent
        return self.model_copy(update={"percent": percent}) if fallen else self


class JobError(Value):
    """The error of a failed attempt. Webhooks carry only a part of ``details``."""

    code: str
    message: str
    details: JsonObject | None = None


class LogEntry(Value):
    """One line that a handler or the engine wrote about a job."""

    timestamp: datetime
    level: LogLevel
    message: str
    attempt: int
    seq: int
    """Counts the entries of one attempt, from 0."""


class Lease(Value):
    """The right to work on a job or a delivery until ``expires_at`` (MongoDB's time)."""

    owner: str
    """The id of the process; new at each start."""
    token: str
    """Identifies this claim."""
    expires_at: datetime
    host: str | None = None
    """The host of the process; None: not recorded."""


class Settled(Value):
    """The mark that the settling write puts in place of the lease.

    If a worker repeats the write, the mark shows that the first write has succeeded.
    """

    token: str
    outcome: str
    worker: str | None = None
    """The owner of the lease of the attempt that ended."""
    host: str | None = None
    """The host of that worker."""
    lost: bool = False
    """Whether the attempt had lost its worker, and another process settled the job."""


STOPPED = "stopped"
"""The failure of a worker that a signal has stopped. The signal may have come from outside, so this
failure counts only if the run has lost a lease before."""


class WorkerFailure(Value):
    """An attempt whose code ran while its worker died, froze or was stopped, by the watchdog."""

    run: int
    attempt: int
    token: str
    """The token of the attempt's lease; the same failure is recorded once."""
    worker: str
    """The owner of that lease."""
    how: str
    """``died``, ``frozen`` or ``stopped``."""
    at: datetime


class OvertakenProgress(Value):
    """A progress that the end of its job has overtaken before it became an event."""

    seq: int = Field(ge=0)
    at: datetime
    progress: JobProgress


class NotifySlot(Value):
    """The webhook outbox of a job: one event waiting to become a delivery."""

    seq: int = Field(ge=0)
    run: int = Field(ge=0)
    phase: Phase
    due_at: datetime
    overtaken: OvertakenProgress | None = None
    """The only progress event of a short job. It becomes a delivery before the end does."""


class Webhook(Value):
    """The receiver of a job's events; its secrets are encrypted."""

    url: str
    client_job_id: str | None = None
    """The client's own id of this job (``jobId`` in requests)."""
    progress: bool = True
    token: SealedSecret | None = None
    secret: SealedSecret | None = None
    headers: dict[str, SealedSecret] | None = None
    """Further headers, by name; None without any, so that documents without them stay the same."""


class JobEndpoints(Value):
    """The endpoints that get events of a job, as they were when the job was submitted."""

    ids: list[str]
    progress: bool = False
    """Whether one of them wants progress."""


KEY_KEPT = timedelta(hours=48)
"""How long an idempotency key counts, whether or not its job is deleted meanwhile."""


class Idempotency(Value):
    """The idempotency key of a submission. A repeated submission creates nothing new."""

    key: str
    """The header ``Idempotency-Key``; unique for each owner."""
    body_hmac: str
    """Shows whether a second body under the same key is the same; the body itself is not kept."""
    at: datetime
    """The time of the first request; the key is valid for ``KEY_KEPT``."""


class Unreadable(Value):
    """The fields of a job or a delivery that were unreadable and therefore taken out."""

    at: datetime
    reason: str
    """The fields and their types."""
    fields: Any = None
    """Their values as they were stored, by name, for a repair by hand."""


POISON_AFTER = 2
"""A job whose code froze or ended this many workers in one run gets no other worker."""


class Job(BaseModel):
    """A job as the store holds it. Times are aware UTC, to the millisecond."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    job_type: str
    job_name: str | None = None
    status: JobStatus = JobStatus.PENDING
    parameters: JsonObject = Field(default_factory=dict)
    priority: int = Field(default=5, ge=0, le=9)
    tags: list[str] = Field(default_factory=list)
    user_id: str | None = None
    owner: str
    """The id of the API key that submitted the job."""
    file_roots: list[str] | None = None
    """The only folders whose files the job may name, if its API key had such a limit."""
    s3_places: list[str] | None = None
    """The only places of stores that the job may name, if its API key had such a limit."""
    target: str | None = None
    """The place (``s3://bucket/prefix/``) to which the results and the files are written too."""
    batch_id: str | None = None
    idempotency: Idempotency | None = None
    run: int = Field(default=1, ge=0)
    """Each explicit retry adds 1."""
    run_at: datetime
    attempt: int = Field(default=0, ge=0)
    """Each claim adds 1; never decreases."""
    forgiven: int = Field(default=0, ge=0)
    """Attempts that do not count: handed back, lost, or made before an explicit retry."""
    lost_leases: int = Field(default=0, ge=0)
    """The number of leases that this run has lost."""
    unfit_workers: int = 0
    """How often a worker handed the job back in this run, because the worker lacked something."""
    max_attempts: int = 3
    timeout_sec: float | None = Field(default=None, gt=0)
    created_at: datetime
    updated_at: datetime
    processing_started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    deleted_at: datetime | None = None
    content_removed_at: datetime | None = None
    """Set if the job is a tombstone: only what a repeat under its idempotency key needs is left."""
    lease: Lease | None = None
    settled: Settled | None = None
    worker_failures: list[WorkerFailure] = Field(default_factory=list)
    """The attempts of this run whose code froze or ended their worker, oldest first."""
    attempts: list[AttemptRecord] = Field(default_factory=list)
    """The last earlier attempts, oldest first; ``jobs.attempts.history`` adds the last one."""
    cancel_requested: bool = False
    progress: JobProgress | None = None
    results: JsonObject | None = None
    results_file: ResultsFile | None = None
    """Replaces ``results`` if the results are large."""
    files: list[JobFile] = Field(default_factory=list)
    """The files of the last run, in the order in which the handler stored them."""
    error: JobError | None = None
    seq: int = Field(default=0, ge=0)
    """The number of visible changes."""
    notify: NotifySlot | None = None
    notified_at: datetime | None = None
    webhook: Webhook | None = None
    endpoints: JobEndpoints | None = None
    """None: no endpoint matches, so that such jobs cost nothing more."""
    trace: str | None = None
    """The ``traceparent`` of the request that submitted the job, if it was traced."""
    usage: JsonObject | None = None
    unreadable: Unreadable | None = None
    """Set when the job was set aside; without these fields it cannot run again."""
    newer: str | None = Field(default=None, exclude=True)
    """The word of a newer version in the job; this version only shows such a job. Not stored."""

    @property
    def has_ended(self) -> bool:
        """Whether the job's run has ended."""
        return self.status in TERMINAL

    @property
    def has_receivers(self) -> bool:
        """Whether events of the job are sent: to its own webhook or to endpoints."""
        return self.webhook is not None or self.endpoints is not None

    @property
    def sends_progress(self) -> bool:
        """Whether a receiver of the job wants progress."""
        by_webhook = self.webhook is not None and self.webhook.progress
        return by_webhook or (self.endpoints is not None and self.endpoints.progress)

    @property
    def counted_attempts(self) -> int:
        """The attempts that count against ``max_attempts``."""
        return self.attempt - self.forgiven

    @property
    def is_spent(self) -> bool:
        """Whether no attempt is left if the current attempt fails."""
        return self.counted_attempts >= self.max_attempts

    @property
    def is_poison(self) -> bool:
        """Whether the job's code froze or ended ``POISON_AFTER`` workers in this run."""
        return len(self.worker_failures) >= POISON_AFTER


@dataclass(frozen=True, slots=True)
class JobQuery:
    """The filters of a listing of jobs; None means any."""

    owner: str | None = None
    status: JobStatus | None = None
    job_type: str | None = None
    batch_id: str | None = None
    tag: str | None = None
    user_id: str | None = None
    id_contains: str | None = None
    """A part of the job's id."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    statuses: tuple[JobStatus, ...] = ()
    """Any of these states; instead of ``status``."""
    limit: int = 50
    after: tuple[datetime, str] | None = None
    """The (created_at, job_id) of the last job on the previous page; newest first."""
