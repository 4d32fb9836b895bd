"""What becomes of a delivery: rules only, no I/O, no clock.

answer                        verdict
2xx                           delivered
410                           dead: the receiver wants no more, at this URL, for a day
no key opens its secrets      pending again, at no cost: another notifier may have the key
anything else, no answer      pending again by the schedule, else dead
a later event came meanwhile  progress: dropped · terminal: superseded, unless resent by hand
the URL said 410 before       progress: dropped · terminal: dead, unless resent by hand
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.http.retry_after import parse_retry_after
from secretary_common.models import Delivery, DeliveryAttempt, DeliveryState, Obstacles
from secretary_notifier import schedule

SUCCESS = range(200, 300)
GONE = 410
MUTED_FOR = timedelta(hours=24)
ASKS_TO_WAIT = frozenset({429, 503})
SERVER_ERROR = range(500, 600)
OVERLOADED = frozenset({408, 429})
UNOPENED = "secret"
"""The class of error of a delivery whose secrets none of the keys here opens."""
OWN_FAULTS = frozenset({"url_refused", UNOPENED, "request"})
"""Classes of errors that say nothing about the receiver: it was not asked."""
SWITCHED = "upgrade"
"""The class of error of an answer that is complete, but of no use: 101, which nobody asked for."""


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
    """Why the attempt failed, where the status does not tell: ``<class>: <message>``."""
    response: str | None = None
    """The beginning of the body."""

    @property
    def is_success(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.error is None and self.status_code in SUCCESS

    @property
    def error_class(self) -> str | None:
        """The first word of ``error``."""
        return self.error and self.error.partition(":")[0]

    @property
    def is_unopened(self) -> bool:
        """Whether nothing was sent because no key here opens the delivery's secrets."""
        return self.error_class == UNOPENED

    @property
    def origin_failed(self) -> bool | None:
        """Whether it shows the origin unable to take anything; None if it shows nothing."""
        if self.error is not None and self.error_class != SWITCHED:
            return None if self.error_class in OWN_FAULTS else True
        return self.status_code in SERVER_ERROR or self.status_code in OVERLOADED

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
    mutes: bool = False
    """Whether its URL gets nothing more for ``MUTED_FOR``."""
    is_for_others: bool = False
    """Whether nothing was tried, at no cost, and other notifiers are to have the next go."""

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.state is not DeliveryState.PENDING


def hindrance(delivery: Delivery, standing: Obstacles, now: datetime) -> Verdict | None:
    """Why *delivery*, which is claimed, is not sent; None if it is."""
    by_hand = delivery.resent_at is not None or delivery.is_test
    if schedule.is_too_old(delivery.began_at, now):
        return Verdict(DeliveryState.DEAD, reason="not delivered within 5 days")
    if standing.is_overtaken and not (by_hand and delivery.is_terminal_event):
        if delivery.is_terminal_event:
            return Verdict(DeliveryState.SUPERSEDED, reason="a later run has an event")
        return Verdict(DeliveryState.DROPPED, reason="a later event came")
    if standing.is_muted and not by_hand:
        state = DeliveryState.DEAD if delivery.is_terminal_event else DeliveryState.DROPPED
        return Verdict(state, reason="the receiver answered 410 Gone to an earlier one")
    return None


def decide(
    delivery: Delivery,
    answer: Answer,
    now: datetime,
    terminal_schedule: Sequence[float],
    random: float,
) -> Verdict:
    """What *answer*, the latest attempt's, makes of *delivery*.

    Args:
        delivery: with the tries before this one.
        answer: this attempt's.
        now: the time.
        terminal_schedule: the waits for terminal events, see ``schedule``.
        random: a number in [0, 1).
    """
    if answer.is_success:
        return Verdict(DeliveryState.DELIVERED)
    if answer.status_code == GONE and answer.error is None:
        reason = "the receiver answered 410 Gone"
        return Verdict(DeliveryState.DEAD, reason=reason, mutes=not delivery.is_test)
    at = schedule.next_attempt_at(
        schedule.waits_of(delivery, terminal_schedule),
        delivery.tries + 1,
        now=now,
        created_at=delivery.began_at,
        random=random,
        retry_after_sec=_asked_sec(answer, now),
    )
    if at is None:
        return Verdict(DeliveryState.DEAD, reason="every attempt failed")
    return Verdict(DeliveryState.PENDING, next_attempt_at=at)


def _asked_sec(answer: Answer, now: datetime) -> float | None:
    if answer.status_code not in ASKS_TO_WAIT:
        return None
    longest_sec = schedule.LONGEST_RETRY_AFTER_SEC
    return parse_retry_after(answer.retry_after, now, longest_sec=longest_sec)


def put_back(now: datetime) -> Verdict:
    """For a delivery that was claimed but not sent: somebody may take it at once."""
    return Verdict(DeliveryState.PENDING, next_attempt_at=now)


def hold_back(delivery: Delivery, now: datetime, shortest_wait_sec: float) -> Verdict:
    """For a delivery whose secrets no key here opens: it waits, and others may take it then."""
    wait = schedule.unopened_wait(delivery.began_at, now, shortest_wait_sec)
    reason = "the notifier has no key that opens its secrets (security.encryption_keys)"
    return Verdict(
        DeliveryState.PENDING, next_attempt_at=now + wait, reason=reason, is_for_others=True
    )
