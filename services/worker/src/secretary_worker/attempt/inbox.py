"""The way from handlers' loops and threads to the engine's loop: in order, and a part at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

TAKEN_AT_ONCE = 500
"""Items taken over before others that wait for the loop have their turn."""
GATHER_SEC = 0.02
"""How long items that can wait do: a handler that tells of each page would wake the engine, and
take the interpreter from its own thread, for each."""


class Inbox(Generic[T]):
    """Hands each item to *take* on the loop it was made in, in the order they were submitted."""

    def __init__(self, take: Callable[[T], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._told = False
        self._gathering = False

    def submit(self, item: T, *, urgent: bool = True) -> None:
        """Have *item* be taken, unless it is *urgent* together with more; from any thread."""
        self._items.append(item)
        if urgent and not self._told:
            self._told = True
            self._loop.call_soon_threadsafe(self._drain)
        elif not (urgent or self._told or self._gathering):
            self._gathering = True
            self._loop.call_soon_threadsafe(self._loop.call_later, GATHER_SEC, self._drain)

    async def catch_up(self) -> None:
        """Return when all that was submitted before is taken."""
        left = len(self._items)
        while left > 0 and self._items:
            left -= self._take_some()
            await asyncio.sleep(0)

    def _drain(self) -> None:
        self._told = self._gathering = False  # before the first look: who comes later tells again
        self._take_some()
        if self._items and not self._told:
            self._told = True
            self._loop.call_soon(self._drain)

    def _take_some(self) -> int:
        count = min(len(self._items), TAKEN_AT_ONCE)
        for _ in range(count):
            self._take(self._items.popleft())
        return count
