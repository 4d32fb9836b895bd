"""What becomes of a delivery: rules only, no I/O, no clock.

answer                        verdict
2xx                           delivered
410                           dead: the receiver wants no more
anything else, no answer      pending again by the schedule, else dead
a later event came meanwhile  progress: dropped · terminal: superseded
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from secretary_common.models import Delivery, DeliveryAttempt, DeliveryState
from secretary_notifier import schedule

SUCCESS = range(200, 300)
GONE = 410
ASKS_TO_WAIT = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one POST."""

    at: datetime
    """When it was begun."""
    duration_ms: int
    status_code: int | None = None
    """None if no answer came."""
    retry_after: str | None = None
    """The header, as received."""
    address: str | None = None
    """Who was connected to."""
    error: str | None = None
    """Why the attempt failed without a complete answer: ``<class>: <message>``."""
    response: str | None = None
    """The beginning of the body."""

    @property
    def is_success(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.error is None and self.status_code in SUCCESS

    def to_attempt(self) -> DeliveryAttempt:
        """The line of the log of attempts."""
        return DeliveryAttempt(
            at=self.at,
            status_code=self.status_code,
            duration_ms=self.duration_ms,
            address=self.address,
            error=self.error,
            response=self.response,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the delivery is from now on."""

    state: DeliveryState
    next_attempt_at: datetime | None = None
    reason: str | None = None


def decide(
    delivery: Delivery,
    answer: Answer,
    now: datetime,
    terminal_schedule: Sequence[float],
    random: float,
) -> Verdict:
    """What *answer*, the latest attempt's, makes of *delivery*.

    Args:
        delivery: with the attempts before this one.
        answer: this attempt's.
        now: the time.
        terminal_schedule: the waits for terminal events, see ``schedule``.
        random: a number in [0, 1).
    """
    if answer.is_success:
        return Verdict(DeliveryState.DELIVERED)
    if answer.status_code == GONE and answer.error is None:
        return Verdict(DeliveryState.DEAD, reason="the receiver answered 410 Gone")
    waits = terminal_schedule if delivery.is_terminal_event else schedule.PROGRESS_SCHEDULE_SEC
    asks = answer.status_code in ASKS_TO_WAIT
    at = schedule.next_attempt_at(
        waits,
        len(delivery.attempts) + 1,
        now=now,
        created_at=delivery.created_at,
        random=random,
        retry_after_sec=schedule.parse_retry_after(answer.retry_after, now) if asks else None,
    )
    if at is None:
        return Verdict(DeliveryState.DEAD, reason="every attempt failed")
    return Verdict(DeliveryState.PENDING, next_attempt_at=at)


def too_old() -> Verdict:
    """For a delivery whose time ran out while it waited."""
    return Verdict(DeliveryState.DEAD, reason="not delivered within 5 days")


def overtaken(delivery: Delivery) -> Verdict:
    """For a delivery of a job that has a later event."""
    if delivery.is_terminal_event:
        return Verdict(DeliveryState.SUPERSEDED, reason="a later run has an event")
    return Verdict(DeliveryState.DROPPED, reason="a later event came")


def put_back(now: datetime) -> Verdict:
    """For a delivery that was claimed but not sent: somebody may take it at once."""
    return Verdict(DeliveryState.PENDING, next_attempt_at=now)
