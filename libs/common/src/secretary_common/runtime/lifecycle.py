"""How a service's process starts, works and stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from secretary_common.runtime.log import get_logger
from secretary_common.runtime.task import end

log = get_logger(__name__)

EXIT_BY_SIGNAL = 128


def stop_signal() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(EXIT_BY_SIGNAL + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop


def end_within(seconds: float) -> None:
    """See to it that the process ends within *seconds*, though its work is done.

    At its end Python waits for the threads of executors: one that never returns, because a handler
    left it behind, would keep the process for ever.
    """

    def end() -> None:
        log.warning("process.threads_left_behind", waited_sec=seconds)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> bool:
    """Wait for *work*; False if *stop* came first: *work* is cancelled then."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        await end(working, stopping)


@contextlib.asynccontextmanager
async def running(*works: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Have *works* run while inside; they are cancelled at the end.

    If one of them fails, what is inside is cancelled and its error raised: a service never goes on
    with half of itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            try:
                yield
            finally:
                await end(*tasks)
    except BaseExceptionGroup as failures:
        if len(failures.exceptions) > 1:
            raise
        raise failures.exceptions[0] from None


class Background:
    """Work nobody waits for, kept until it is done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run *work* on its own; it must not raise."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for all of it."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
