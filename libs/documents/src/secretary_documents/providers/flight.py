"""Several pieces of work at a time, begun in order as long as all goes well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


async def run_each(
    items: AsyncIterator[Item], work: Callable[[Item], Awaitable[object]], *, parallel: int
) -> None:
    """Do *work* on each of *items*, *parallel* at a time, and raise the first failure.

    After a failure no more begins; what is under way is finished, for it is paid for. Cancelling
    ends all of it at once.
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
        except Exception as failure:  # noqa: BLE001 - as above; of the items themselves
            failures.append(failure)
    if failures:
        raise failures[0]


async def seen_through(work: Awaitable[Outcome]) -> Outcome:
    """The outcome of *work*, which is done to its end even if this is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001, S110 - the task keeps it
            pass
    if cancelled is not None and not task.cancelled():
        raise cancelled
    return task.result()
