"""Limits how much work runs at the same time, for all jobs together or for the items of a loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakKeyDictionary

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class ConcurrencyLimit:
    """Grants at most *size* permits at a time in an event loop, in the order of the requests."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken = 0
        # The worker may replace the handlers' loop, and a semaphore belongs to one loop.
        self._semaphores: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    @property
    def free_but_one(self) -> int:
        """How many permits can be taken so that one permit is still free."""
        return max(self.size - 1 - self._taken, 0)

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        """Wait for a permit. The permit is given back when the context ends."""
        loop = asyncio.get_running_loop()
        if loop not in self._semaphores:
            self._semaphores[loop] = asyncio.Semaphore(self.size)
        async with self._semaphores[loop]:
            self._taken += 1
            try:
                yield
            finally:
                self._taken -= 1


async def run_each(
    items: AsyncIterator[Item], work: Callable[[Item], Awaitable[object]], *, parallel: int
) -> None:
    """Do *work* on *items*, at most *parallel* at a time, and raise the first failure.

    After a failure no other item is started. Started items are finished, because their requests
    cost money. If the caller is cancelled, started items are cancelled too.
    """
    room = asyncio.Semaphore(parallel)
    failures: list[Exception] = []

    async def one(item: Item) -> None:
        try:
            await work(item)
        except Exception as failure:  # noqa: BLE001 - raised below, by itself and not in a group
            failures.append(failure)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        try:
            async for item in items:
                await room.acquire()
                if failures:
                    break
                group.create_task(one(item))
        except Exception as failure:  # noqa: BLE001 - as above; raised by the iterator itself
            failures.append(failure)
    if failures:
        raise failures[0]


async def finish_if_cancelled(work: Awaitable[Outcome]) -> Outcome:
    """Return the outcome of *work*. If the caller is cancelled, *work* is finished first."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])  # cancelling this wait does not cancel the task
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None or task.cancelled():
        return task.result()
    task.exception()  # seen: the cancellation replaces it
    raise cancelled
