"""A webhook on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from secretary_common.models.job import Lease
from secretary_common.models.value import SealedSecret, Value
from secretary_common.states import DeliveryState, Phase


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
