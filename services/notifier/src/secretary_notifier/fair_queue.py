"""Who is sent next: a cap for each origin inside a global one, origins taking turns.

First tries go before retries of the same origin, and retries never fill all slots: a receiver that
fails keeps neither its own news nor anybody else's waiting.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque

from secretary_common.models import DueDelivery

RETRY_SHARE = 0.75
"""Of the slots, what retries may hold at a time."""
BACKLOG_PER_SLOT = 8
"""An origin holds this many first tries, and retries, for each of its slots; the rest stays in the
store."""


class _Lane:
    """What waits for one origin."""

    def __init__(self) -> None:
        self.first_tries: deque[DueDelivery] = deque()
        self.retries: deque[DueDelivery] = deque()

    def __len__(self) -> int:
        return len(self.first_tries) + len(self.retries)

    def part(self, due: DueDelivery) -> deque[DueDelivery]:
        return self.retries if due.tries else self.first_tries

    def is_full(self, limit: int) -> bool:
        return max(len(self.first_tries), len(self.retries)) >= limit

    def take(self, *, retries_too: bool) -> DueDelivery | None:
        if self.first_tries:
            return self.first_tries.popleft()
        return self.retries.popleft() if self.retries and retries_too else None


class FairQueue:
    """Holds due deliveries until a slot is free for them. Knows each once."""

    def __init__(self, *, slots: int, per_origin: int) -> None:
        """*slots* in all, *per_origin* for each."""
        self._slots = slots
        self._per_origin = per_origin
        self._backlog = per_origin * BACKLOG_PER_SLOT
        self._retry_slots = max(1, int(slots * RETRY_SHARE))
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._known: set[str] = set()
        self._busy: Counter[str] = Counter()
        self._retrying = 0
        self.in_flight = 0

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._lanes.values()))

    def offer(self, due: DueDelivery) -> bool:
        """Take in a delivery; False if it is in already, or its origin has enough waiting."""
        waiting = self._lanes.get(due.origin, _Lane()).part(due)
        if due.delivery_id in self._known or len(waiting) >= self._backlog:
            return False
        self._known.add(due.delivery_id)
        self._lanes.setdefault(due.origin, _Lane()).part(due).append(due)
        return True

    def take(self) -> DueDelivery | None:
        """The next to send, now in flight; None if none may start."""
        if self.in_flight >= self._slots:
            return None
        retries_too = self._retrying < self._retry_slots
        for origin, lane in self._lanes.items():
            if self._busy[origin] >= self._per_origin:
                continue
            due = lane.take(retries_too=retries_too)
            if due is not None:
                self._start(due, lane)
                return due
        return None

    def done(self, due: DueDelivery) -> None:
        """The slot of *due* is free again."""
        self._known.discard(due.delivery_id)
        self.in_flight -= 1
        self._retrying -= bool(due.tries)
        self._busy[due.origin] -= 1
        if not self._busy[due.origin]:
            del self._busy[due.origin]

    def is_hungry(self, origin: str) -> bool:
        """Whether *origin* has less waiting than it has slots."""
        lane = self._lanes.get(origin)
        return lane is None or len(lane) < self._per_origin

    def full_origins(self) -> list[str]:
        """Origins with so much waiting that looking for more of them is no use."""
        return [origin for origin, lane in self._lanes.items() if lane.is_full(self._backlog)]

    def _start(self, due: DueDelivery, lane: _Lane) -> None:
        self.in_flight += 1
        self._retrying += bool(due.tries)
        self._busy[due.origin] += 1
        if lane:
            self._lanes.move_to_end(due.origin)  # the others first
        else:
            del self._lanes[due.origin]
