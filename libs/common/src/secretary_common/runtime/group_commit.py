"""Group commit: concurrent callers share one write, and each gets the outcome of its item.

The first item after a pause shares its write with the items of the same turn of the event loop, or
waits for others for a given time. While a group is being written, the next group collects; it is
written as soon as the first write is done. So a single caller does not wait longer, and many
callers need few writes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from secretary_common.runtime.metrics import GROUP_ITEMS

T = TypeVar("T")
R = TypeVar("R")

Flush = Callable[[list[T]], Awaitable[Sequence[R | BaseException]]]
"""Writes a group and returns one outcome for each item, in order.

An exception among the outcomes is raised only to the caller of that item. An exception that the
function raises goes to all callers of the group.
"""

LARGEST = 64


class GroupCommit(Generic[T, R]):
    """Collects items and writes them together, one group at a time."""

    def __init__(
        self,
        flush: Flush[T, R],
        *,
        largest: int = LARGEST,
        linger_sec: float = 0.0,
        expects_as_many: bool = False,
        name: str = "",
    ) -> None:
        """Start with an empty group.

        Args:
            flush: writes a group of at most *largest* items; only one call runs at a time.
            largest: the most items in a group.
            linger_sec: how long the first item after a pause waits for other items; 0: only those
                of the same turn of the event loop share its write.
            expects_as_many: wait only until the group has as many items as the last one had. So
                callers that come one by one do not wait, and a longer *linger_sec* costs little.
            name: of the group, in the metric of the sizes; without a name there is none.
        """
        self._flush = flush
        self._items = GROUP_ITEMS.labels(name) if name else None
        self._largest = largest
        self._linger_sec = linger_sec
        self._expects_as_many = expects_as_many
        self._enough = 1 if expects_as_many else largest
        """A group with this many items waits for no other items."""
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Write *item* together with others; return or raise its outcome.

        If the caller is cancelled before the write starts, its item is not written. A later
        cancellation does not stop the write.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, outcome))
        if self._writing is None:
            if len(self._waiting) >= self._enough or not self._linger_sec:
                self._start()
            elif self._timer is None:
                # An empty context: the write and its log lines belong to no single caller.
                self._timer = loop.call_later(self._linger_sec, self._start, context=Context())
        return await outcome

    async def finish(self) -> None:
        """Return when all items submitted so far have been written."""
        if self._timer is not None:
            self._start()
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        self._writing = loop.create_task(self._write(), context=Context())

    async def _write(self) -> None:
        try:
            while group := self._take():
                await self._write_one(group)
        finally:  # also when the loop is shut down, so that no caller waits for ever
            self._writing = None
            for _, outcome in self._waiting:
                outcome.cancel()
            self._waiting.clear()

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        group: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(group) < self._largest:
            item, outcome = self._waiting.popleft()
            if not outcome.done():
                group.append((item, outcome))
        return group

    async def _write_one(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        outcomes: Sequence[R | BaseException]
        if self._expects_as_many:
            self._enough = len(group)
        if self._items:
            self._items.observe(len(group))
        try:
            outcomes = await self._flush([item for item, _ in group])
            if len(outcomes) != len(group):
                raise ValueError(f"{len(outcomes)} outcomes for {len(group)} items")
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - raised to the callers
            outcomes = [error] * len(group)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            _settle(future, outcome)


def _settle(future: asyncio.Future[R], outcome: R | BaseException) -> None:
    if future.done():  # the caller was cancelled
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
