"""The order of claims: API keys take turns, then the origins of a key; each has a limit.

For origins that are not known to be quick, a key may always hold a quarter of the slots, and more
while all keys together hold fewer than half. So hanging receivers of one key do not
delay the events of another key.

Within an origin first tries go before retries. Retries and the events of slow origins never hold
all slots. An origin whose breaker is open gets a slot only for the probe. So a receiver that fails
delays neither its own new events nor the events of other receivers.

A delivery holds a slot from its claim to the receiver's answer. A claim takes longer than a quick
receiver needs. So for quick origins more deliveries are claimed than may be sent at the same time,
and the courier's request limit holds back the rest.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from datetime import datetime, timedelta

from secretary_common.models import DueDelivery, Lane, ReceiverState
from secretary_notifier.fairness.origin import LastAnswer, Origin, Pace

RESTRICTED_SHARE = 0.75
"""The share of the slots that retries and slow origins may hold at the same time."""
BACKLOG_PER_SLOT = 16
"""For each slot of an origin, a key may queue this many first tries, and as many retries.

Further deliveries stay in the store.
"""
AHEAD_PER_SLOT = 7
"""A quick origin has up to this many further claims for each delivery that may be sent."""
QUICK_SEC = 0.25
SLOW_SEC = 1.0
MOST_REMEMBERED = 1000
IDLE_SOUGHT_EVERY = timedelta(seconds=10)
"""The search for idle origins looks at all of them, so it is made this often and not more."""


class _Waiting:
    """The waiting deliveries of one key for one origin."""

    def __init__(self) -> None:
        self.first_tries: deque[DueDelivery] = deque()
        self.retries: deque[DueDelivery] = deque()

    def __len__(self) -> int:
        return len(self.first_tries) + len(self.retries)

    def part(self, *, is_retry: bool) -> deque[DueDelivery]:
        return self.retries if is_retry else self.first_tries


class _Owner:
    """The waiting deliveries of one key, by origin, and the slots that count against its share."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self.held = 0
        """The key's slots for origins that were not known to be quick."""


class FairQueue:
    """Holds due deliveries, each of them once, until a slot is free for them."""

    def __init__(self, *, slots: int, per_origin: int) -> None:
        """*slots* in all, *per_origin* for each origin, a quarter of *slots* for each key."""
        self._slots = slots
        self._per_origin = per_origin
        self._backlog = per_origin * BACKLOG_PER_SLOT
        self._restricted_slots = max(1, int(slots * RESTRICTED_SHARE))
        self._share = max(per_origin, slots // 4)
        # More than one origin can hold: a hanging origin must not stop the others of its key.
        self._half = max(per_origin + 1, slots // 2)
        self._owners: OrderedDict[str, _Owner] = OrderedDict()
        self._origins: dict[str, Origin] = {}
        # Deliveries that count against the share of their key; decided when a slot is taken.
        self._held: set[str] = set()
        # Deliveries whose slot counts against the restricted share; decided when a slot is taken.
        self._restricted: set[str] = set()
        self._in_flight: dict[str, DueDelivery] = {}
        self._known: set[str] = set()
        self._idle_sought_at: datetime | None = None

    def __len__(self) -> int:
        """Return the number of deliveries that wait for a slot."""
        return sum(len(origin) for origin in self._origins.values())

    @property
    def in_flight(self) -> int:
        """The number of deliveries that hold a slot."""
        return len(self._in_flight)

    @property
    def remembered_origins(self) -> int:
        """The number of origins that the queue has in memory."""
        return len(self._origins)

    def offer(self, due: DueDelivery) -> bool:
        """Add a delivery; return False if it is known already, or the backlog is full."""
        if due.delivery_id in self._known:
            return False
        origin = self._origins.setdefault(due.origin, Origin())
        owner = self._owners.setdefault(due.owner, _Owner())
        waiting = owner.waiting.setdefault(due.origin, _Waiting()).part(is_retry=due.lane.is_retry)
        if len(waiting) >= self._backlog:
            return False
        self._known.add(due.delivery_id)
        waiting.append(due)
        origin.waiting[due.lane.is_retry] += 1
        return True

    def take_new(self, due: DueDelivery, now: datetime) -> bool:
        """Give a new delivery a slot if it need not wait; otherwise the queue ignores it.

        It waits if others wait for its origin, if the origin is slow, or if its breaker is open.
        """
        origin = self._origins.get(due.origin, Origin())
        owner = self._owners.get(due.owner, _Owner())
        is_known = due.delivery_id in self._known
        is_doubtful = origin.pace is Pace.SLOW or origin.breaker.open_until is not None
        if is_known or is_doubtful or len(origin) or len(self._in_flight) >= self._slots * 2:
            return False
        if not self._may_start(owner, origin, now):
            return False
        self.offer(due)
        self._give_slot(self._owners[due.owner], due.origin)
        self._owners.move_to_end(due.owner)  # the other keys come first next time
        return True

    def take(self, now: datetime) -> DueDelivery | None:
        """Return the next delivery to claim and give it a slot; None if none may start."""
        if len(self._in_flight) >= self._slots * 2:
            return None
        for name, owner in self._owners.items():
            if due := self._take_of(owner, now):
                self._owners.move_to_end(name)  # the other keys come first next time
                return due
        return None

    def _take_of(self, owner: _Owner, now: datetime) -> DueDelivery | None:
        for name, waiting in owner.waiting.items():
            origin = self._origins[name]
            if not waiting or not self._may_start(owner, origin, now):
                continue
            if due := self._give_slot(owner, name):
                return due
        return None

    def _give_slot(self, owner: _Owner, name: str) -> DueDelivery | None:
        """Give a slot to the next delivery of *owner* for the origin *name*, if one may start."""
        origin, waiting = self._origins[name], owner.waiting[name]
        due = self._pop(origin, waiting)
        if due is None:
            return None
        owner.waiting.move_to_end(name)  # the other origins come first next time
        if not waiting:
            del owner.waiting[name]
        if origin.pace is not Pace.QUICK:
            self._held.add(due.delivery_id)
            owner.held += 1
        return due

    def _may_start(self, owner: _Owner, origin: Origin, now: datetime) -> bool:
        """Return whether the limits of *owner* and *origin* allow one more attempt."""
        may_hold = owner.held < self._share or len(self._held) < self._half
        if origin.pace is not Pace.QUICK and not may_hold:
            return False
        has_room = origin.in_flight < self._limit(origin)
        return has_room and origin.breaker.allows(now, origin.in_flight)

    def release_slot(
        self, due: DueDelivery, now: datetime, *, failed: bool | None, took_sec: float | None
    ) -> None:
        """Free the slot of *due*; without a slot nothing happens.

        Args:
            due: the delivery that held the slot.
            now: the time.
            failed: what the attempt says about the origin, see ``Breaker.note``.
            took_sec: how long the origin took; None if no request was sent.
        """
        if self._in_flight.pop(due.delivery_id, None) is None:
            return
        self._restricted.discard(due.delivery_id)
        if due.delivery_id in self._held:
            self._held.remove(due.delivery_id)
            self._owners[due.owner].held -= 1
        origin = self._origins[due.origin]
        origin.in_flight -= 1
        origin.breaker.note(failed=None if due.is_test else failed, now=now)
        if failed is not None:
            origin.failures = origin.failures + 1 if failed else 0
        if took_sec is not None:
            origin.was_tried = True
            slow_or_unknown = Pace.SLOW if took_sec > SLOW_SEC else Pace.UNKNOWN
            origin.pace = Pace.QUICK if took_sec <= QUICK_SEC else slow_or_unknown

    def forget(self, due: DueDelivery, now: datetime) -> None:
        """Free the slot of *due* and accept this delivery again: its record is written, or lost."""
        self.release_slot(due, now, failed=None, took_sec=None)
        self._known.discard(due.delivery_id)
        owner = self._owners.get(due.owner)
        if owner is not None and not owner.waiting and not owner.held:
            del self._owners[due.owner]
        if len(self._origins) > MOST_REMEMBERED:
            self._forget_idle_origins(now)

    def _forget_idle_origins(self, now: datetime) -> None:
        sought_at = self._idle_sought_at
        if sought_at is not None and abs(now - sought_at) < IDLE_SOUGHT_EVERY:
            return
        self._idle_sought_at = now
        for name in [name for name, one in self._origins.items() if one.is_idle(now)]:
            del self._origins[name]

    def mark_slow(self, origin: str) -> None:
        """Claim no more ahead for *origin*: a claimed delivery waited too long for its request."""
        self._origins[origin].pace = Pace.SLOW

    def is_untried(self, origin: str) -> bool:
        """Return whether no request to *origin* has ended yet, as far as the queue remembers."""
        found = self._origins.get(origin)
        return found is None or not found.was_tried

    def holds(self, lane: Lane) -> bool:
        """Return whether a delivery of *lane* waits in the queue."""
        found = self._origins.get(lane.origin)
        return found is not None and found.waiting[lane.is_retry] > 0

    def is_paused(self, origin: str, now: datetime) -> bool:
        """Return whether the breaker of *origin* is open, so that claimed deliveries wait too."""
        return (self.paused_until(origin) or now) > now

    def paused_until(self, origin: str) -> datetime | None:
        """Return the earliest time of the probe of *origin*; None: its breaker is closed."""
        found = self._origins.get(origin)
        return None if found is None else found.breaker.open_until

    def note_answer(self, origin: str, answer: LastAnswer) -> None:
        """Keep the last answer of *origin*, for ``receivers``."""
        if origin in self._origins:
            self._origins[origin].last = answer

    def receivers(self, now: datetime, most: int) -> list[ReceiverState]:
        """Return the state of at most *most* receivers: open breakers and failures first."""
        busy = ((name, one) for name, one in self._origins.items() if not one.is_idle(now))
        chosen = heapq.nlargest(most, busy, key=lambda named: named[1].urgency)
        return [one.state(name) for name, one in chosen]

    def needs_more(self, origin: str) -> bool:
        """Return whether fewer deliveries of *origin* wait than may be claimed."""
        found = self._origins.get(origin)
        return found is None or len(found) < self._limit(found)

    def accepts(self, lane: Lane, now: datetime) -> bool:
        """Return whether the queue has room for *lane* and its origin is not paused."""
        origin = self._origins.get(lane.origin)
        if origin is None:
            return True
        has_room = origin.waiting[lane.is_retry] < self._backlog
        return has_room and (origin.breaker.open_until or now) <= now

    def open_breakers(self, now: datetime) -> list[datetime]:
        """Return the times when paused origins may get a probe, the earliest first."""
        moments = (origin.breaker.open_until for origin in self._origins.values())
        return sorted(moment for moment in moments if moment and moment > now)

    def _limit(self, origin: Origin) -> int:
        ahead = AHEAD_PER_SLOT if origin.pace is Pace.QUICK else 0
        return self._per_origin * (1 + ahead)

    def _pop(self, origin: Origin, waiting: _Waiting) -> DueDelivery | None:
        is_full = len(self._restricted) >= self._restricted_slots
        if waiting.first_tries and not (is_full and origin.pace is Pace.SLOW):
            due = waiting.first_tries.popleft()
        elif waiting.retries and not is_full:
            due = waiting.retries.popleft()
        else:
            return None
        origin.waiting[due.lane.is_retry] -= 1
        if due.lane.is_retry or origin.pace is Pace.SLOW:
            self._restricted.add(due.delivery_id)
        self._in_flight[due.delivery_id] = due
        origin.in_flight += 1
        origin.breaker.begin()
        return due
