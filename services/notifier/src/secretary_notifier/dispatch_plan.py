"""Decides which deliveries are read and claimed next: rules without I/O; callers pass the time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.models import DueDelivery, Lane
from secretary_notifier.fairness.fair_queue import FairQueue
from secretary_notifier.fairness.origin import LastAnswer
from secretary_notifier.verdict import Answer, DeliveryVerdict

DUE_AT_ONCE = 256
"""A round reads at most this many first attempts, and as many retries."""
LANES_AT_ONCE = 256
"""A round reads at most this many lanes."""


@dataclass(frozen=True, slots=True)
class LaneChoice:
    """The lanes with a due delivery, and those of them that this round reads."""

    due: list[Lane]
    chosen: list[Lane]
    """The lanes to read, in order."""
    next_at: datetime | None
    """The earliest due time of the other lanes; None: no other lane has a delivery."""


class DispatchPlan:
    """Knows which deliveries wait in memory, which are postponed, and whether the store has more.

    A delivery is postponed if its job has another delivery in flight, or if this notifier lacks the
    key or a resource that it needs. Until then other notifiers may claim it.
    """

    def __init__(self, queue: FairQueue, *, poll_interval_sec: float) -> None:
        """*poll_interval_sec*: a postponed delivery is left to other notifiers for this long."""
        self._queue = queue
        self._poll_interval = timedelta(seconds=poll_interval_sec)
        self._postponed: dict[str, datetime] = {}
        """The end of the wait of each postponed delivery."""
        self._postponed_keys: dict[str, datetime] = {}
        """The order keys of these deliveries, until when they have one."""
        self._more_of: set[str] = set()
        """The origins of which the store may have due deliveries that were not read."""

    def begin_round(self) -> None:
        """Begin a round: it will find of which origins the store has more due deliveries."""
        self._more_of.clear()

    def end_waits(self, now: datetime) -> None:
        """Forget the waits that are over, so that these deliveries may be claimed again."""
        self._postponed = {key: until for key, until in self._postponed.items() if until > now}
        self._postponed_keys = {
            key: until for key, until in self._postponed_keys.items() if until > now
        }

    def choose_lanes(self, waiting: Mapping[Lane, datetime], now: datetime) -> LaneChoice:
        """Choose the lanes that the round reads from all *waiting* lanes with their due times.

        Lanes without a delivery in the queue come first: however many origins of one key are in
        trouble, the lanes of other keys are read.
        """
        due = [lane for lane, at in waiting.items() if at <= now]
        accepted = (lane for lane in due if self._queue.accepts(lane, now))
        in_order = sorted(accepted, key=lambda lane: (self._queue.holds(lane), waiting[lane]))
        later = min((at for at in waiting.values() if at > now), default=None)
        return LaneChoice(due, in_order[:LANES_AT_ONCE], later)

    def end_round(self, choice: LaneChoice, *, found: int, any_new: bool) -> bool:
        """Note that the round has read *found* deliveries; return whether to read again at once.

        *any_new*: whether the queue did not know one of them.
        """
        is_cut = found >= DUE_AT_ONCE
        is_complete = not is_cut and len(choice.chosen) < LANES_AT_ONCE
        read = set(choice.chosen) if is_complete else set()
        self._more_of.update(lane.origin for lane in choice.due if lane not in read)
        return is_cut and any_new

    def offer(self, found: Collection[DueDelivery], now: datetime) -> bool:
        """Queue deliveries that are not postponed; return whether any of them was new."""
        any_new = False
        for due in found:
            if due.delivery_id in self._postponed:
                continue
            if self._queue.offer(due):
                any_new = True
            elif not self._queue.accepts(due.lane, now):  # stays in the store until there is room
                self._more_of.add(due.origin)
        return any_new

    def take_new(self, due: DueDelivery, now: datetime) -> bool:
        """Give a new delivery a slot if it need not wait, see ``FairQueue.take_new``."""
        return due.delivery_id not in self._postponed and self._queue.take_new(due, now)

    def needs_more(self, origin: str) -> bool:
        """Return whether to read the store after an end at *origin*: it may take another delivery.

        What other origins have in the store does not count. Otherwise each end at a quick origin
        would read the store again while a hanging origin has more deliveries than the queue takes.
        """
        return origin in self._more_of and self._queue.needs_more(origin)

    def note_answer(
        self, due: DueDelivery, answer: Answer | None, verdict: DeliveryVerdict, now: datetime
    ) -> None:
        """Free the slot of *due*, and keep what the attempt says of its receiver.

        The receiver can take the next request while the record is written. *answer*: None if the
        delivery was claimed and not sent.
        """
        took_sec = answer.duration_ms / 1000 if answer and answer.is_attempt else None
        failed = answer.origin_failed if answer else None
        self._queue.release_slot(due, now, failed=failed, took_sec=took_sec)
        if answer and answer.is_attempt:
            last = LastAnswer(now, answer.status_code, answer.error_class)
            self._queue.note_answer(due.origin, last)
        if answer is None and not verdict.is_final:
            self._queue.mark_slow(due.origin)

    def note_end(self, due: DueDelivery, verdict: DeliveryVerdict | None, now: datetime) -> None:
        """Postpone *due* if its attempt left it to another notifier.

        *verdict*: None if it could not be claimed: another notifier has it, or its job has another
        delivery in flight.
        """
        if verdict is None:
            self._postpone(due, now + self._poll_interval)
        elif verdict.is_for_others and verdict.next_attempt_at:
            self._postpone(due, verdict.next_attempt_at + self._poll_interval)

    def may_have_successor(self, due: DueDelivery) -> bool:
        """Return whether another event may wait for the end of *due*.

        After the end of a run, only an event of a later run may wait, or one resent by hand. This
        notifier could not claim such an event while *due* was in flight, and postponed it.
        """
        return not due.is_terminal_event or due.order_key in self._postponed_keys

    def resume(self, due: DueDelivery) -> None:
        """End the wait of *due*: the delivery before it has ended."""
        self._postponed.pop(due.delivery_id, None)

    def _postpone(self, due: DueDelivery, until: datetime) -> None:
        self._postponed[due.delivery_id] = until
        self._postponed_keys[due.order_key] = until
