"""How much of one kind may be under way at a time in this process, whoever asks."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


class Cap:
    """At most *size* at a time, first come first served."""

    def __init__(self, size: int) -> None:
        self.size = size
        # Handlers' loops may be replaced by new ones, and a semaphore belongs to one.
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    def slot(self) -> asyncio.Semaphore:
        """A context that begins when there is room."""
        loop = asyncio.get_running_loop()
        if loop not in self._slots:
            self._slots[loop] = asyncio.Semaphore(self.size)
        return self._slots[loop]
