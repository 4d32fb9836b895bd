"""Decides the next state of a delivery: rules without I/O and without a clock.

condition                           verdict
answer 2xx, also if incomplete      delivered
answer 410                          dead; its URL gets no events for a day
no key here opens its secrets       pending again without an attempt; another notifier may have it
the notifier lacks descriptors …    pending again without an attempt, a little later
any other answer, or none           pending again by the schedule; dead after the last attempt
a later event exists                progress: dropped · terminal: superseded, unless resent by hand
the URL answered 410 before         progress: dropped · terminal: dead, unless resent by hand
its endpoint is disabled            progress: dropped · terminal: skipped
its endpoint was deleted            dropped
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.http.retry_after import parse_retry_after
from secretary_common.jobs.new_deliveries import ENDPOINT_DISABLED
from secretary_common.models import Delivery, DeliveryAttempt, DeliveryState, Obstacles, Refused
from secretary_notifier import schedule

SUCCESS = range(200, 300)
GONE = 410
MUTED_FOR = timedelta(hours=24)
HONOURS_RETRY_AFTER = frozenset({429, 503})
SERVER_ERROR = range(500, 600)
OVERLOADED = frozenset({408, 429})
MISSING_KEY = "secret"
"""The error class of a delivery whose secrets no key of this notifier opens."""
SHORTAGE = "shortage"
"""The error class of a delivery for which the notifier lacked descriptors, memory or DNS."""
OWN_FAULTS = frozenset({"url_refused", MISSING_KEY, SHORTAGE, "request"})
"""Error classes of attempts that sent no request; they say nothing about the receiver."""
PROTOCOL = "protocol"
"""The error class of an answer that the notifier cannot parse."""
UPGRADE = "upgrade"
"""The error class of the answer 101: it is complete, but no request asks for an upgrade."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one POST."""

    at: datetime
    """When the attempt began."""
    duration_ms: int
    status_code: int | None = None
    """None if no answer came."""
    retry_after: str | None = None
    """The header, as received."""
    address: str | None = None
    """The address that the notifier connected to."""
    error: str | None = None
    """Why the answer is missing, incomplete or invalid: ``<class>: <message>``."""
    response: str | None = None
    """The beginning of the body."""

    @property
    def is_success(self) -> bool:
        """Whether the receiver has accepted the event.

        Only the status line counts: the rest may be cut off, too long or not HTTP.
        """
        return self.status_code in SUCCESS

    @property
    def error_class(self) -> str | None:
        """The first word of ``error``."""
        return self.error and self.error.partition(":")[0]

    @property
    def lacks_key(self) -> bool:
        """Whether no request was sent because no key here opens the delivery's secrets."""
        return self.error_class == MISSING_KEY

    @property
    def in_shortage(self) -> bool:
        """Whether the request failed because the notifier itself lacked something."""
        return self.error_class == SHORTAGE

    @property
    def is_attempt(self) -> bool:
        """Whether this outcome counts as an attempt: the notifier itself lacked nothing."""
        return not self.lacks_key and not self.in_shortage

    @property
    def origin_failed(self) -> bool | None:
        """Whether the answer shows that the origin failed; None if this is unclear."""
        by_status = self.status_code in SERVER_ERROR or self.status_code in OVERLOADED
        if self.error is None or self.is_success or self.error_class == UPGRADE:
            return by_status
        if self.error_class in {*OWN_FAULTS, PROTOCOL}:
            return by_status or None
        return True

    def to_attempt(self) -> DeliveryAttempt:
        """Return the entry for the delivery's list of attempts."""
        return DeliveryAttempt(
            at=self.at,
            status_code=self.status_code,
            duration_ms=self.duration_ms,
            address=self.address,
            error=self.error,
            response=self.response,
        )


@dataclass(frozen=True, slots=True)
class DeliveryVerdict:
    """The next state of a delivery."""

    state: DeliveryState
    next_attempt_at: datetime | None = None
    reason: str | None = None
    mutes: bool = False
    """Whether the URL of the delivery gets no events for ``MUTED_FOR``."""
    is_for_others: bool = False
    """Whether no attempt was made and another notifier should claim the delivery next."""

    @property
    def is_final(self) -> bool:
        """Whether the delivery has ended."""
        return self.state is not DeliveryState.PENDING


def decide_before_sending(
    delivery: Delivery, obstacles: Obstacles, now: datetime
) -> DeliveryVerdict | None:
    """Return the verdict on a claimed *delivery* that must not be sent; None: send it."""
    if delivery.refused and not delivery.is_test:
        return _refused(delivery, delivery.refused)
    by_hand = delivery.resent_at is not None or delivery.is_test
    if schedule.is_too_old(delivery.began_at, now):
        return DeliveryVerdict(DeliveryState.DEAD, reason="not delivered within 5 days")
    if obstacles.is_overtaken and not (by_hand and delivery.is_terminal_event):
        if delivery.is_terminal_event:
            return DeliveryVerdict(DeliveryState.SUPERSEDED, reason="a later run has an event")
        return DeliveryVerdict(DeliveryState.DROPPED, reason="a later event came")
    if obstacles.is_muted and not by_hand:
        state = DeliveryState.DEAD if delivery.is_terminal_event else DeliveryState.DROPPED
        return DeliveryVerdict(state, reason="the receiver answered 410 Gone to an earlier one")
    return None


def _refused(delivery: Delivery, why: Refused) -> DeliveryVerdict:
    """Return the verdict on a delivery whose endpoint takes no events."""
    if why is Refused.DISABLED and delivery.is_terminal_event:
        return DeliveryVerdict(DeliveryState.SKIPPED, reason=ENDPOINT_DISABLED)
    return DeliveryVerdict(DeliveryState.DROPPED, reason=f"its endpoint is {why.value}")


def decide(
    delivery: Delivery,
    answer: Answer,
    now: datetime,
    terminal_schedule: Sequence[float],
    random: float,
) -> DeliveryVerdict:
    """Return the verdict on *delivery* after an attempt.

    Args:
        delivery: as it was before the attempt.
        answer: the outcome of the attempt.
        now: the time.
        terminal_schedule: the waits of terminal events, see ``schedule``.
        random: a number in [0, 1).
    """
    if answer.is_success:
        return DeliveryVerdict(DeliveryState.DELIVERED)
    if answer.status_code == GONE and answer.error is None:
        reason = "the receiver answered 410 Gone"
        return DeliveryVerdict(DeliveryState.DEAD, reason=reason, mutes=not delivery.is_test)
    at = schedule.next_attempt_at(
        schedule.waits_of(delivery, terminal_schedule),
        delivery.tries + 1,
        now=now,
        created_at=delivery.began_at,
        random=random,
        retry_after_sec=_retry_after_sec(answer, now),
    )
    if at is None:
        return DeliveryVerdict(DeliveryState.DEAD, reason="every attempt failed")
    return DeliveryVerdict(DeliveryState.PENDING, next_attempt_at=at)


def _retry_after_sec(answer: Answer, now: datetime) -> float | None:
    if answer.status_code not in HONOURS_RETRY_AFTER:
        return None
    longest_sec = schedule.LONGEST_RETRY_AFTER_SEC
    return parse_retry_after(answer.retry_after, now, longest_sec=longest_sec)


def decide_without_attempt(now: datetime) -> DeliveryVerdict:
    """Return the verdict on a delivery that was claimed but not sent: any notifier may claim it."""
    return DeliveryVerdict(DeliveryState.PENDING, next_attempt_at=now)


def decide_without_key(
    delivery: Delivery, now: datetime, shortest_wait_sec: float
) -> DeliveryVerdict:
    """Return the verdict on a delivery if this notifier has no key for the delivery's secrets.

    *shortest_wait_sec*: see ``schedule.key_wait``.
    """
    wait = schedule.key_wait(delivery.began_at, now, shortest_wait_sec)
    reason = "the notifier has no key that opens its secrets (security.encryption_keys)"
    return DeliveryVerdict(
        DeliveryState.PENDING, next_attempt_at=now + wait, reason=reason, is_for_others=True
    )


def decide_in_shortage(answer: Answer, now: datetime, wait_sec: float) -> DeliveryVerdict:
    """Return the verdict on a delivery if the notifier lacked a resource to send the request."""
    return DeliveryVerdict(
        DeliveryState.PENDING,
        next_attempt_at=now + timedelta(seconds=wait_sec),
        reason=f"the notifier could not send it ({answer.error})",
        is_for_others=True,
    )
