"""Keeps the cache within its limits of age and size.

The store keeps no total size. So a walk adds up the sizes of the entries, from the most recently
used to the least recently used. The walk ends at the entry where the sum exceeds the limit. This
entry and all that were used less recently are removed. A round does a part of the walk and a part
of the removals.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from secretary_common.ports import CacheEviction
from secretary_common.ports.cache import Use
from secretary_common.runtime.clock import Clock
from secretary_worker.metrics import CACHE_EVICTED, CACHE_STORED

PAGE = 2000
PAGES_A_ROUND = 25
REMOVED_AT_ONCE = 500
REMOVALS_A_ROUND = 20

KeepLock = Callable[[], Awaitable[None]]
"""Extends the sweeper's lock; raises an error if another worker has the lock."""


class Eviction:
    """Removes cache entries, a bounded number in each round."""

    def __init__(
        self, entries: CacheEviction, clock: Clock, *, unused_for: timedelta, max_bytes: int
    ) -> None:
        """*unused_for*: how long an unused entry is kept; *max_bytes*: the limit of the cache."""
        self._entries = entries
        self._clock = clock
        self._unused_for = unused_for
        self._max_bytes = max_bytes
        self._reached: Use | None = None
        self._bytes = 0
        self._cut: Use | None = None

    async def round(self, keep_lock: KeepLock) -> int:
        """Do a part of the work; return the number of removed entries.

        Raises:
            StoreUnavailable: MongoDB did not answer; the next round continues.
        """
        removed, _ = await self._remove((self._clock.now() - self._unused_for, ""), keep_lock)
        if self._cut is None:
            self._cut = await self._walk(keep_lock)
        if self._cut is not None:
            evicted, all_gone = await self._remove(self._cut, keep_lock)
            removed += evicted
            if all_gone:
                self._cut = None
        CACHE_EVICTED.inc(removed)
        return removed

    async def _remove(self, upto: Use, keep_lock: KeepLock) -> tuple[int, bool]:
        """Remove entries last used at *upto* or before.

        Returns the number of removed entries, and whether none is left.
        """
        removed = 0
        for _ in range(REMOVALS_A_ROUND):
            await keep_lock()
            gone = await self._entries.remove_unused(upto, REMOVED_AT_ONCE)
            removed += gone
            if gone == 0:
                return removed, True
        return removed, False

    async def _walk(self, keep_lock: KeepLock) -> Use | None:
        """Continue the walk; return the first entry beyond the limit, if this part reaches it."""
        for _ in range(PAGES_A_ROUND):
            await keep_lock()
            page = await self._entries.latest(PAGE, before=self._reached)
            for entry in page:
                self._bytes += entry.size
                if self._bytes > self._max_bytes:
                    self._restart(self._bytes - entry.size)
                    return entry.use
            if len(page) < PAGE:
                self._restart(self._bytes)
                return None
            self._reached = page[-1].use
        return None

    def _restart(self, stored: int) -> None:
        CACHE_STORED.set(stored)
        self._reached, self._bytes = None, 0
