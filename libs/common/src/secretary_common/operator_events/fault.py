"""Faults of the system that operator events report."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from secretary_common.models.value import Value


class FaultKind(StrEnum):
    """What is wrong; an endpoint of the kind ``operator`` chooses among these."""

    RECEIVER_FAILING = "receiver.failing"
    """The breaker of a receiver of webhooks is open."""
    RECEIVER_DISABLED = "receiver.disabled"
    """A receiver answered 410 Gone, so it gets no webhooks for a day."""
    DELIVERY_DEAD = "delivery.dead"
    """A webhook was given up."""
    BROKER_AWAY = "broker.away"
    """A service cannot use RabbitMQ."""
    TYPE_WITHOUT_WORKER = "job_type.without_worker"
    """Jobs wait, and no living worker takes their type."""
    DISK_LOW = "disk.low"
    """MongoDB's disk is almost full."""


MOMENTARY = frozenset({FaultKind.DELIVERY_DEAD, FaultKind.RECEIVER_DISABLED})
"""Faults that happen at a moment: they are reported at once, and their end is no event."""


class FaultState(StrEnum):
    """What an operator event says of its fault."""

    BEGAN = "began"
    LASTS = "lasts"
    ENDED = "ended"


class FaultEvent(Value):
    """An operator event that a notifier is sending."""

    event_id: str
    state: FaultState
    at: datetime
    held_until: datetime
    """Until then one notifier sends it; afterwards any other may."""


class Fault(Value):
    """A fault, from the first report of any process until it is over."""

    fault_id: str
    """Its kind and its subject: the cause that is reported once an hour."""
    kind: FaultKind
    subject: str = ""
    details: dict[str, Any] = Field(default_factory=dict)
    began_at: datetime
    seen_at: datetime
    """When a process reported it last."""
    ended_at: datetime | None = None
    announced_at: datetime | None = None
    """When the last event was sent that it began or lasts; also of an earlier time."""
    event: FaultEvent | None = None
    """The event that is being sent."""
    version: int = 0
    """Grows with each change by a notifier, so that one of several wins."""

    @property
    def is_announced(self) -> bool:
        """Whether operators know that it has begun."""
        return self.announced_at is not None and self.announced_at >= self.began_at


def fault_id_of(kind: FaultKind, subject: str) -> str:
    """Return the id of the fault of *kind* at *subject*."""
    return f"{kind.value} {subject}".strip()
