"""Group commit: concurrent callers share one write, and each gets the outcome of its part.

The first item after a pause waits a moment for company; while a group is being written the next
one gathers and is written as soon as that is done. So a single caller is as quick as before, and
many callers cost few writes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Flush = Callable[[list[T]], Awaitable[Sequence[R | BaseException]]]
"""Writes a group: one outcome for each item, in their order. An exception among the outcomes is
raised to the caller of that item alone; one raised by the function itself to all of the group."""

LARGEST = 64
LINGER_SEC = 0.001


class GroupCommit(Generic[T, R]):
    """Collects items and has them written together, one group at a time."""

    def __init__(
        self, flush: Flush[T, R], *, largest: int = LARGEST, linger_sec: float = LINGER_SEC
    ) -> None:
        """Prepare to collect.

        Args:
            flush: writes a group; never called with more than *largest* items, nor twice at once.
            largest: items in a group.
            linger_sec: how long the first item after a pause waits for company.
        """
        self._flush = flush
        self._largest = largest
        self._linger_sec = linger_sec
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Have *item* written with others; returns (or raises) what came of it.

        A caller that is cancelled before its group is written takes its item back; afterwards the
        write happens all the same.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, outcome))
        if self._writing is None:
            if len(self._waiting) >= self._largest:
                self._start()
            elif self._timer is None:
                # A context of its own: the write belongs to no single caller, nor do its log lines.
                self._timer = loop.call_later(self._linger_sec, self._start, context=Context())
        return await outcome

    async def finish(self) -> None:
        """Return once everything submitted so far has been written."""
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
        finally:  # also if the loop is going down: nobody waits for ever
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
        try:
            outcomes = await self._flush([item for item, _ in group])
            if len(outcomes) != len(group):
                raise ValueError(f"{len(outcomes)} outcomes for {len(group)} items")
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the items came from
            outcomes = [error] * len(group)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            _settle(future, outcome)


def _settle(future: asyncio.Future[R], outcome: R | BaseException) -> None:
    if future.done():  # its caller went away
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
