"""The nouns: jobs, leases, settlements, deliveries. Values only, no I/O."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from secretary_common.states import DeliveryState, JobStatus, Phase

__all__ = [
    "ApiKey",
    "Candidate",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "DueDelivery",
    "Job",
    "JobError",
    "JobProgress",
    "JobQuery",
    "JobStatus",
    "JobTypeInfo",
    "JsonObject",
    "Lease",
    "LogEntry",
    "LogLevel",
    "NotifySlot",
    "Outcome",
    "Phase",
    "ProgressChange",
    "Renewal",
    "SealedSecret",
    "Settled",
    "Settlement",
    "Webhook",
    "delivery_id_of",
    "new_job_id",
    "new_token",
    "parse_delivery_id",
]

JsonObject = dict[str, Any]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
SealedSecret = str
"""A secret as it lies in MongoDB: encrypted by ``secretary_common.cipher``."""


def _uuid7() -> UUID:
    """A UUID that sorts by its time of birth (RFC 9562 §5.7): 48 bits of Unix milliseconds."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant 10
    return UUID(int=value)


def new_job_id() -> str:
    """A fresh job id: ``job-<uuid7>``."""
    return f"job-{_uuid7()}"


def new_token() -> str:
    """A fresh unguessable token: for a lease, or for a process's identity at this boot."""
    return secrets.token_hex(12)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobProgress(_Value):
    """How far an attempt is."""

    step: str = ""
    percent: int = Field(default=0, ge=0, le=100)
    message: str = ""


class JobError(_Value):
    """Why a job failed; ``details`` are for the job's owner and never go into a webhook whole."""

    code: str
    message: str
    details: JsonObject | None = None


class LogEntry(_Value):
    """One line a handler, or the engine, wrote about a job."""

    timestamp: datetime
    level: LogLevel
    message: str
    attempt: int
    seq: int
    """Counts the entries of one attempt, from 0."""


class Lease(_Value):
    """The right to work on something until ``expires_at`` (the server's time)."""

    owner: str
    """The process, anew at each boot."""
    token: str
    """This very claim."""
    expires_at: datetime


class Settled(_Value):
    """What the last holder left in place of its lease: tells a lost answer from a lost race."""

    token: str
    outcome: str


class NotifySlot(_Value):
    """The webhook outbox of a job: one event waiting to become a delivery."""

    seq: int
    run: int
    phase: Phase
    due_at: datetime


class Webhook(_Value):
    """Where a job's events go; secrets as they lie in MongoDB."""

    url: str
    client_job_id: str | None = None
    """What the client calls this job (``jobId`` on the wire)."""
    progress: bool = True
    token: SealedSecret | None = None
    secret: SealedSecret | None = None


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
    cancel_requested: bool = False
    progress: JobProgress | None = None
    results: JsonObject | None = None
    error: JobError | None = None
    seq: int = 0
    """Counts visible changes."""
    notify: NotifySlot | None = None
    notified_at: datetime | None = None
    webhook: Webhook | None = None
    usage: JsonObject | None = None

    @property
    def counted_attempts(self) -> int:
        """The attempts that count against ``max_attempts``."""
        return self.attempt - self.forgiven

    @property
    def is_spent(self) -> bool:
        """Whether no attempt is left once the current one is lost."""
        return self.counted_attempts >= self.max_attempts


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
    error: JobError | None = None
    progress: JobProgress | None = None
    run_at: datetime | None = None
    """For RETRY and HANDED_BACK: when the next attempt may start."""
    usage: JsonObject | None = None
    expires_at: datetime | None = None
    """For terminal outcomes: when retention ends."""


class DeliveryAttempt(_Value):
    """One try to send a delivery."""

    at: datetime
    status_code: int | None = None
    duration_ms: int
    address: str | None = None
    error: str | None = None
    response: str | None = None
    """The first 4 KiB of the answer."""


class Delivery(BaseModel):
    """A webhook on its way: its bytes, URL and secrets are frozen at creation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    delivery_id: str
    """``msg_<job_id>_<seq>``; the ``webhook-id`` on the wire."""
    job_id: str
    owner: str
    seq: int
    run: int
    phase: Phase
    url: str
    origin: str
    """scheme://host:port, what isolation counts by."""
    body: bytes
    token: SealedSecret | None = None
    secret: SealedSecret | None = None
    state: DeliveryState = DeliveryState.PENDING
    created_at: datetime
    next_attempt_at: datetime | None = None
    """When a notifier may take it: its due time, or the end of its sender's lease; None once it
    has ended."""
    lease: Lease | None = None
    attempts: list[DeliveryAttempt] = Field(default_factory=list)
    reason: str | None = None
    """Why it ended, when it did not end ``delivered``."""

    @property
    def is_terminal_event(self) -> bool:
        """Whether it tells of a job's end (not of progress)."""
        return self.phase is not Phase.PROCESSING

    def to_due(self) -> DueDelivery:
        """As much of it as choosing needs."""
        return DueDelivery(
            delivery_id=self.delivery_id,
            job_id=self.job_id,
            origin=self.origin,
            is_terminal_event=self.is_terminal_event,
            tries=len(self.attempts),
        )


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that waits for a sender, as much of it as choosing needs."""

    delivery_id: str
    job_id: str
    origin: str
    is_terminal_event: bool
    tries: int
    """How many attempts were recorded."""


def delivery_id_of(job_id: str, seq: int) -> str:
    """The stable id of the event *seq* of a job."""
    return f"msg_{job_id}_{seq}"


def parse_delivery_id(delivery_id: str) -> tuple[str, int]:
    """The job id and seq that *delivery_id* was made of.

    Raises:
        ValueError: it is no delivery id.
    """
    prefix, _, rest = delivery_id.partition("_")
    job_id, _, seq = rest.rpartition("_")
    if prefix != "msg" or not job_id:
        raise ValueError(f"no delivery id: {delivery_id[:100]!r}")
    return job_id, int(seq)


@dataclass(frozen=True, slots=True)
class JobTypeInfo:
    """A job type somebody has announced."""

    job_type: str
    parameter_schema: JsonObject | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs a listing wants; None means any."""

    owner: str | None = None
    status: JobStatus | None = None
    job_type: str | None = None
    batch_id: str | None = None
    tag: str | None = None
    user_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    limit: int = 50
    after: tuple[datetime, str] | None = None
    """The (created_at, job_id) of the last job of the page before; newest first."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key; the secret itself is nowhere."""

    key_id: str
    digest: str
    name: str
    scopes: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    expires_at: datetime | None = None
