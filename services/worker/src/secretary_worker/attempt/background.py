"""Writes of an attempt that may take long and hold up no other: files, results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from secretary_common.errors import StaleClaim
from secretary_worker.attempt.commands import tell

Insisting = Callable[[Callable[[], Awaitable[None]]], Awaitable[bool]]
"""Makes a write, again while the store does not answer; False if the lease is lost."""


class BackgroundWrites:
    """Tasks of one attempt, each told to who awaits it."""

    def __init__(self, insisting: Insisting) -> None:
        self._insisting = insisting
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self,
        work: Callable[[], Awaitable[None]],
        done: Future[None],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """Do *work* and tell *done* how it ended; *close* is called then in any case."""
        task = asyncio.create_task(self._do(work, done, close))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Return when all of it has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def give_up(self) -> None:
        """Cancel what is under way and return when it has ended."""
        leaving = list(self._tasks)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    async def _do(
        self, work: Callable[[], Awaitable[None]], done: Future[None], close: Callable[[], None]
    ) -> None:
        try:
            tell(done, None if await self._insisting(work) else StaleClaim())
        except Exception as error:  # noqa: BLE001 - told to the handler, who awaits it
            tell(done, error)
        finally:
            tell(done, StaleClaim())  # only if it was cancelled: the attempt is over
            close()
