"""A webhook on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from secretary_common.models.job import Lease
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.models.value import SealedSecret, Value

NOTIFIER_REPORT_SEC = 5.0
"""A notifier tells this often that it is alive."""
NOTIFIER_ALIVE_SEC = 15.0
"""After this long without a word it is taken for dead."""
RESENDABLE = frozenset(
    {
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
        DeliveryState.DEAD,
        DeliveryState.SUPERSEDED,
    }
)
"""States from which a person may have a delivery sent again; of one that waits it means now."""


class DeliveryAttempt(Value):
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
    """Of a test an id of its own, ``test-…``: there is no job."""
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
    tries: int = 0
    """How often it was sent since it was made, or since it was resent by hand."""
    attempts: list[DeliveryAttempt] = Field(default_factory=list)
    """All of them, resent or not."""
    reason: str | None = None
    """Why it ended, when it did not end ``delivered``; or why it waits without an attempt."""
    resent_at: datetime | None = None
    """When a person last had it sent again: its schedule began anew then."""
    expires_at: datetime | None = None
    """When it is removed even if its job, if there is one, stays."""

    @property
    def is_terminal_event(self) -> bool:
        """Whether it tells of an end, or of no job at all; False for progress."""
        return self.phase is not Phase.PROCESSING

    @property
    def is_test(self) -> bool:
        """Whether it belongs to no job: somebody tries their receiver."""
        return self.phase is Phase.TEST

    @property
    def began_at(self) -> datetime:
        """When its schedule began."""
        return self.resent_at or self.created_at

    def to_due(self) -> DueDelivery:
        """As much of it as choosing needs."""
        return DueDelivery(
            delivery_id=self.delivery_id,
            job_id=self.job_id,
            seq=self.seq,
            origin=self.origin,
            phase=self.phase,
            tries=self.tries,
        )


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that waits for a sender, as much of it as choosing needs."""

    delivery_id: str
    job_id: str
    seq: int
    origin: str
    phase: Phase
    tries: int
    """How many were recorded of its present schedule."""

    @property
    def is_terminal_event(self) -> bool:
        """As of ``Delivery``."""
        return self.phase is not Phase.PROCESSING

    @property
    def is_test(self) -> bool:
        """As of ``Delivery``."""
        return self.phase is Phase.TEST

    @property
    def lane(self) -> Lane:
        """Where it waits."""
        return Lane(self.origin, is_retry=self.tries > 0)


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits for one origin: its first tries, or its retries."""

    origin: str
    is_retry: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The wish to send a delivery under *lease*."""

    delivery_id: str
    lease: Lease


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What may keep a claimed delivery from being sent."""

    is_overtaken: bool
    """A later event of its job has become a delivery, whatever came of that."""
    is_muted: bool
    """Its URL answered 410 to this key."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """How a claim ended."""

    delivery_id: str
    token: str
    """Of the lease it was held by."""
    state: DeliveryState
    """What it is from now on."""
    attempt: DeliveryAttempt | None = None
    """The try that was made, if one was."""
    next_attempt_at: datetime | None = None
    """For ``pending``: when to try again."""
    reason: str | None = None
    """Why it ended otherwise than ``delivered``, or why it waits."""
    expires_at: datetime | None = None
    """When it is removed by itself."""


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries a listing wants; None means all."""

    owner: str | None = None
    state: DeliveryState | None = None
    after: tuple[datetime, str] | None = None
    """The (created_at, delivery_id) of the last one of the page before."""
    limit: int = 50


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
