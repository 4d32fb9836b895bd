"""Who is claimed next: a cap for each origin inside a global one, origins taking turns.

First tries go before retries of the same origin; retries and the events of slow origins never fill
all slots; an origin whose breaker is open gets none: a receiver that fails keeps neither its own
news nor anybody else's waiting.

A slot is held from the claim to the receiver's answer. Claiming takes longer than a quick receiver
does, so for those more is claimed than may be sent at once: the ``Gate`` lets through what may.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime
from enum import Enum

from secretary_common.models import DueDelivery, Lane
from secretary_notifier.breaker import Breaker

HELD_BACK_SHARE = 0.75
"""Of the slots, what retries and slow origins may hold at a time."""
BACKLOG_PER_SLOT = 16
"""An origin holds this many first tries, and retries, for each of its slots; the rest stays in the
store."""
AHEAD_PER_SLOT = 7
"""A quick origin has this many claimed for each one that is being sent."""
QUICK_SEC = 0.25
SLOW_SEC = 1.0
MOST_REMEMBERED = 1000


class _Pace(Enum):
    """How long an origin took for the last answer, if one came."""

    UNKNOWN = 0
    QUICK = 1
    SLOW = 2


class _Origin:
    """What waits for one origin, and what is known of it."""

    def __init__(self) -> None:
        self.first_tries: deque[DueDelivery] = deque()
        self.retries: deque[DueDelivery] = deque()
        self.in_flight = 0
        self.pace = _Pace.UNKNOWN
        self.breaker = Breaker()

    def __len__(self) -> int:
        return len(self.first_tries) + len(self.retries)

    def part(self, *, is_retry: bool) -> deque[DueDelivery]:
        return self.retries if is_retry else self.first_tries

    def is_idle(self, now: datetime) -> bool:
        return not self and not self.in_flight and self.breaker.is_idle(now)


class FairQueue:
    """Holds due deliveries until a slot is free for them. Knows each once."""

    def __init__(self, *, slots: int, per_origin: int) -> None:
        """*slots* in all, *per_origin* for each."""
        self._slots = slots
        self._per_origin = per_origin
        self._backlog = per_origin * BACKLOG_PER_SLOT
        self._held_back_slots = max(1, int(slots * HELD_BACK_SHARE))
        self._origins: OrderedDict[str, _Origin] = OrderedDict()
        # Whose slot counts against the share of those held back; decided when it is taken.
        self._held_back: set[str] = set()
        self._in_flight: dict[str, DueDelivery] = {}
        self._known: set[str] = set()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._origins.values()))

    @property
    def in_flight(self) -> int:
        """How many hold a slot."""
        return len(self._in_flight)

    def offer(self, due: DueDelivery) -> bool:
        """Take in a delivery; False if it is in already, or its origin has enough waiting."""
        origin = self._origins.setdefault(due.origin, _Origin())
        waiting = origin.part(is_retry=due.lane.is_retry)
        if due.delivery_id in self._known or len(waiting) >= self._backlog:
            return False
        self._known.add(due.delivery_id)
        waiting.append(due)
        return True

    def take(self, now: datetime) -> DueDelivery | None:
        """The next to claim, now holding a slot; None if none may start."""
        if len(self._in_flight) >= self._slots * 2:
            return None
        for name, origin in self._origins.items():
            if not origin or origin.in_flight >= self._limit(origin):
                continue
            if origin.breaker.allows(now, origin.in_flight) and (due := self._pop(origin)):
                self._origins.move_to_end(name)  # the others first
                return due
        return None

    def sent(
        self, due: DueDelivery, now: datetime, *, failed: bool | None, took_sec: float | None
    ) -> None:
        """The slot of *due* is free again.

        Args:
            due: what held it.
            now: the time.
            failed: what it says about the origin, see ``Breaker.note``.
            took_sec: how long the origin took; None if it was not asked.
        """
        if self._in_flight.pop(due.delivery_id, None) is None:
            return
        self._held_back.discard(due.delivery_id)
        origin = self._origins[due.origin]
        origin.in_flight -= 1
        origin.breaker.note(failed=None if due.is_test else failed, now=now)
        if took_sec is not None:
            slow_or_unknown = _Pace.SLOW if took_sec > SLOW_SEC else _Pace.UNKNOWN
            origin.pace = _Pace.QUICK if took_sec <= QUICK_SEC else slow_or_unknown

    def done(self, due: DueDelivery, now: datetime) -> None:
        """*due* has been recorded, or nothing came of it: it may be offered again."""
        self.sent(due, now, failed=None, took_sec=None)
        self._known.discard(due.delivery_id)
        if len(self._origins) > MOST_REMEMBERED:
            for name in [name for name, one in self._origins.items() if one.is_idle(now)]:
                del self._origins[name]

    def stalled(self, origin: str) -> None:
        """What was claimed for *origin* waits too long to be sent: claim no more ahead."""
        self._origins[origin].pace = _Pace.SLOW

    def is_shut(self, origin: str, now: datetime) -> bool:
        """Whether the breaker of *origin* is open: what was claimed before waits with the rest."""
        return (self.shut_until(origin) or now) > now

    def shut_until(self, origin: str) -> datetime | None:
        """When the probe of *origin* may go, or might have gone; None: its breaker is closed."""
        found = self._origins.get(origin)
        return None if found is None else found.breaker.open_until

    def is_hungry(self, origin: str) -> bool:
        """Whether *origin* has less waiting than it may claim."""
        found = self._origins.get(origin)
        return found is None or len(found) < self._limit(found)

    def wants(self, lane: Lane, now: datetime) -> bool:
        """Whether looking for more of *lane* is of any use now."""
        origin = self._origins.get(lane.origin)
        if origin is None:
            return True
        has_room = len(origin.part(is_retry=lane.is_retry)) < self._backlog
        return has_room and (origin.breaker.open_until or now) <= now

    def open_breakers(self, now: datetime) -> list[datetime]:
        """When the origins that are left alone now may be tried again, the earliest first."""
        moments = (origin.breaker.open_until for origin in self._origins.values())
        return sorted(moment for moment in moments if moment and moment > now)

    def _limit(self, origin: _Origin) -> int:
        ahead = AHEAD_PER_SLOT if origin.pace is _Pace.QUICK else 0
        return self._per_origin * (1 + ahead)

    def _pop(self, origin: _Origin) -> DueDelivery | None:
        is_full = len(self._held_back) >= self._held_back_slots
        if origin.first_tries and not (is_full and origin.pace is _Pace.SLOW):
            due = origin.first_tries.popleft()
        elif origin.retries and not is_full:
            due = origin.retries.popleft()
        else:
            return None
        if due.lane.is_retry or origin.pace is _Pace.SLOW:
            self._held_back.add(due.delivery_id)
        self._in_flight[due.delivery_id] = due
        origin.in_flight += 1
        origin.breaker.begin()
        return due
