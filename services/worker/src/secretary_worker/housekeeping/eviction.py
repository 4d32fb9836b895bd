"""Keeps the cache within its bounds: what was not used for long goes, and what is too much.

How much there is is counted, never remembered: a walk from the entry used last to the one unused
the longest adds up what they take. Where that is more than the cache may have, the walk ends, and
all from there on goes. Each round does a part of the walk and removes a part of that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from secretary_common.ports import CacheEviction
from secretary_common.ports.cache import Use
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.metrics import CACHE_EVICTED, CACHE_STORED

PAGE = 2000
PAGES_A_ROUND = 25
REMOVED_AT_ONCE = 500
REMOVALS_A_ROUND = 20

StillOurs = Callable[[], Awaitable[None]]
"""Raises if somebody else sweeps now."""


class Eviction:
    """Removes entries, a bounded number a round."""

    def __init__(
        self, entries: CacheEviction, clock: Clock, *, unused_for: timedelta, max_bytes: int
    ) -> None:
        """*unused_for*: how long an entry stays that nobody uses; *max_bytes*: of all together."""
        self._entries = entries
        self._clock = clock
        self._unused_for = unused_for
        self._max_bytes = max_bytes
        self._reached: Use | None = None
        self._bytes = 0
        self._cut: Use | None = None

    async def round(self, still_ours: StillOurs) -> int:
        """Do a part of the work; returns how many entries it removed.

        Raises:
            StoreUnavailable: the rest is for the next round.
        """
        removed, _ = await self._remove((self._clock.now() - self._unused_for, ""), still_ours)
        if self._cut is None:
            self._cut = await self._walk(still_ours)
        if self._cut is not None:
            evicted, all_gone = await self._remove(self._cut, still_ours)
            removed += evicted
            if all_gone:
                self._cut = None
        CACHE_EVICTED.inc(removed)
        return removed

    async def _remove(self, upto: Use, still_ours: StillOurs) -> tuple[int, bool]:
        """Remove what is at or before *upto*; how many, and whether that was all."""
        removed = 0
        for _ in range(REMOVALS_A_ROUND):
            await still_ours()
            gone = await self._entries.remove_unused(upto, REMOVED_AT_ONCE)
            removed += gone
            if gone == 0:
                return removed, True
        return removed, False

    async def _walk(self, still_ours: StillOurs) -> Use | None:
        """Go on with the walk; returns the first entry there is no room for, if it came to one."""
        for _ in range(PAGES_A_ROUND):
            await still_ours()
            page = await self._entries.latest(PAGE, before=self._reached)
            for entry in page:
                self._bytes += entry.size
                if self._bytes > self._max_bytes:
                    self._begin_anew(self._bytes - entry.size)
                    return entry.use
            if len(page) < PAGE:
                self._begin_anew(self._bytes)
                return None
            self._reached = page[-1].use
        return None

    def _begin_anew(self, stored: int) -> None:
        CACHE_STORED.set(stored)
        self._reached, self._bytes = None, 0
