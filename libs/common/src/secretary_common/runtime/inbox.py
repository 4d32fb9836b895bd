"""Brings items from other loops and threads to one loop, in order. Many inboxes share a mailbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from secretary_common.runtime.mailbox import Mailbox

T = TypeVar("T")

BATCH_SIZE = 500
"""The most items taken at once. Then other tasks of the loop have their turn."""


class Inbox(Generic[T]):
    """Passes items to *take*, in order, on the loop of *mailbox*, which all inboxes share.

    ``take`` runs in the context in which the inbox was made, so that its log lines name the job.
    """

    def __init__(self, take: Callable[[T], None], mailbox: Mailbox) -> None:
        self._take = take
        self._mailbox = mailbox
        self._context = copy_context()
        self._items: deque[T] = deque()
        self._scheduled = False
        self._delayed = False

    def submit(self, item: T, *, urgent: bool = True) -> None:
        """Queue *item* for the loop of the mailbox. Thread-safe.

        An urgent item is taken at once, with all items before it. Others are taken within
        ``GATHER_SEC``, in a batch.
        """
        self._items.append(item)
        if urgent and not self._scheduled:
            self._scheduled = True
            self._mailbox.post(self._drain)
        elif not (urgent or self._scheduled or self._delayed):
            self._delayed = True
            self._mailbox.post_later(self._drain)

    async def catch_up(self) -> None:
        """Wait until all items submitted before this call are taken."""
        left = len(self._items)
        while left > 0 and self._items:
            left -= self._take_some()
            if left > 0:
                await asyncio.sleep(0)

    def _drain(self) -> None:
        # Reset before the items are read: an item that arrives later schedules another drain.
        self._scheduled = self._delayed = False
        self._context.run(self._take_some)
        if self._items and not self._scheduled:
            self._scheduled = True
            self._mailbox.post(self._drain)

    def _take_some(self) -> int:
        count = min(len(self._items), BATCH_SIZE)
        for _ in range(count):
            self._take(self._items.popleft())
        return count
