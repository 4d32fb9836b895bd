"""A bound on work that runs at the same time: in total, and for each key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class KeyedLimit:
    """Grants at most *total* permits at a time, and at most *per_key* for each key.

    Permits of one key are granted in the order of the requests. An object belongs to one event
    loop.
    """

    def __init__(self, *, total: int, per_key: int, reserved: int = 0) -> None:
        """*reserved*: a key with fewer permits gets one, however many other keys have."""
        self._per_key = per_key
        self._total = asyncio.Semaphore(total)
        self._keys: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()
        self._reserved = reserved
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def permit(self, key: str, *, patience_sec: float | None = None) -> AsyncIterator[bool]:
        """Hold a permit of *key* inside the context.

        Yields True with a permit. *patience_sec* limits each of two waits: for the key, then for
        the total. After a longer wait, yields False. None: no limit.
        """
        own = self._keys.setdefault(key, asyncio.Semaphore(self._per_key))
        self._users[key] += 1
        try:
            if not await _acquired(own, patience_sec):
                yield False
                return
            try:
                async with self._counted(key, patience_sec) as has_permit:
                    yield has_permit
            finally:
                own.release()
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._keys[key]

    @asynccontextmanager
    async def _counted(self, key: str, patience_sec: float | None) -> AsyncIterator[bool]:
        is_reserved = self._held[key] < self._reserved
        if not is_reserved and not await _acquired(self._total, patience_sec):
            yield False
            return
        self._held[key] += 1
        try:
            yield True
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
            if not is_reserved:
                self._total.release()

    @property
    def active_keys(self) -> int:
        """The number of keys with a request that holds or awaits a permit."""
        return len(self._keys)


async def _acquired(semaphore: asyncio.Semaphore, patience_sec: float | None) -> bool:
    if not semaphore.locked():  # the usual case, which needs no timer
        await semaphore.acquire()
        return True
    try:
        async with asyncio.timeout(patience_sec):
            await semaphore.acquire()
    except TimeoutError:
        return False
    return True
