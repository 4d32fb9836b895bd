"""How much of one kind may be under way at a time in this process, whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary


class Cap:
    """At most *size* at a time, first come first served."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken = 0
        # Handlers' loops may be replaced by new ones, and a semaphore belongs to one.
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    @property
    def spare(self) -> int:
        """How many could begin at once beside somebody who took none."""
        return max(self.size - 1 - self._taken, 0)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A context that begins when there is room."""
        loop = asyncio.get_running_loop()
        if loop not in self._slots:
            self._slots[loop] = asyncio.Semaphore(self.size)
        async with self._slots[loop]:
            self._taken += 1
            try:
                yield
            finally:
                self._taken -= 1
