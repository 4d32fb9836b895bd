"""How many requests are under way: so many to an origin, so many in all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets requests pass one by one, those of an origin in their order."""

    def __init__(self, *, slots: int, per_origin: int) -> None:
        """*slots* in all, *per_origin* for each."""
        self._per_origin = per_origin
        self._all = asyncio.Semaphore(slots)
        self._origins: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def passing(self, origin: str, *, patience_sec: float) -> AsyncIterator[bool]:
        """Inside, one of the slots is held; or, after *patience_sec* in vain, False and none is."""
        own = self._origins.setdefault(origin, asyncio.Semaphore(self._per_origin))
        self._users[origin] += 1
        try:
            if not await _acquired(own, patience_sec):
                yield False
                return
            try:
                if not await _acquired(self._all, patience_sec):
                    yield False
                    return
                try:
                    yield True
                finally:
                    self._all.release()
            finally:
                own.release()
        finally:
            self._users[origin] -= 1
            if not self._users[origin]:
                del self._users[origin], self._origins[origin]


async def _acquired(semaphore: asyncio.Semaphore, patience_sec: float) -> bool:
    try:
        async with asyncio.timeout(patience_sec):
            await semaphore.acquire()
    except TimeoutError:
        return False
    return True
