"""Brings commands from the handlers' loops and threads to the engine's loop, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

BATCH_SIZE = 500
"""The most items taken at once. Then other tasks of the loop have their turn."""
GATHER_SEC = 0.02
"""The delay for items that are not urgent. Without it, each page that a handler reports would wake
the engine, which would then take the interpreter from the handler's thread."""


class Inbox(Generic[T]):
    """Passes items to *take*, in order, on the loop in which the inbox was made."""

    def __init__(self, take: Callable[[T], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._scheduled = False
        self._delayed = False

    def submit(self, item: T, *, urgent: bool = True) -> None:
        """Queue *item* for the engine's loop. Thread-safe.

        An urgent item is taken at once, with all items before it. Others are taken within
        ``GATHER_SEC``, in a batch.
        """
        self._items.append(item)
        if urgent and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._drain)
        elif not (urgent or self._scheduled or self._delayed):
            self._delayed = True
            self._loop.call_soon_threadsafe(self._loop.call_later, GATHER_SEC, self._drain)

    async def catch_up(self) -> None:
        """Wait until all items submitted before this call are taken."""
        left = len(self._items)
        while left > 0 and self._items:
            left -= self._take_some()
            await asyncio.sleep(0)

    def _drain(self) -> None:
        # Reset before the items are read: an item that arrives later schedules another drain.
        self._scheduled = self._delayed = False
        self._take_some()
        if self._items and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def _take_some(self) -> int:
        count = min(len(self._items), BATCH_SIZE)
        for _ in range(count):
            self._take(self._items.popleft())
        return count
