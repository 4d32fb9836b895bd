"""Runs writes of an attempt that may take long and must not delay others: files and results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from secretary_common.errors import StaleClaim
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_worker.attempt.commands import resolve

Write = Callable[[], Awaitable[object]]
Retry = Callable[[Write], Awaitable[bool]]
"""Makes a write, and repeats it while the store does not answer. False: the lease is lost."""


class BackgroundWrites:
    """The background writes of one attempt. Each write resolves the future of its caller."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a write has not ended."""
        return bool(self._tasks)

    def start(
        self, write: Write, done: Future[None], close: Callable[[], None] = lambda: None
    ) -> None:
        """Start *write*. Resolve *done* with its outcome, then call *close*, even after an error.

        *done* fails with ``StaleClaim`` if the lease is lost or the write is cancelled.
        """
        task = asyncio.create_task(self._run(write, done))
        self._tasks.add(task)
        # Not in the task: a task that is cancelled before its first step runs no line of its code.
        task.add_done_callback(lambda ended: self._end(ended, done, close))

    async def finish(self) -> None:
        """Wait until all writes have ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """Cancel all writes and wait until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, write: Write, done: Future[None]) -> None:
        try:
            resolve(done, None if await self._retry(write) else StaleClaim())
        except Exception as error:  # noqa: BLE001 - raised in the handler, which awaits it
            resolve(done, error)

    def _end(self, task: asyncio.Task[None], done: Future[None], close: Callable[[], None]) -> None:
        self._tasks.discard(task)
        resolve(done, StaleClaim())  # unresolved only if cancelled: the attempt is over
        close()


async def until_interrupted(writing: Awaitable[object], interrupted: asyncio.Future[Any]) -> None:
    """Wait for *writing*, and cancel it as soon as *interrupted* is done.

    Raises:
        StaleClaim: the attempt was interrupted.
    """
    task = asyncio.ensure_future(writing)
    try:
        await asyncio.wait((task, interrupted), return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            await cancel_and_wait(task)
    if task.cancelled():
        raise StaleClaim("the attempt was stopped while it wrote to its target")
    task.result()
