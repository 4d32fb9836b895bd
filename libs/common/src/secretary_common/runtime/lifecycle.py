"""Parts of a service's process: stop signals, background tasks, cancellation, the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

EXIT_BY_SIGNAL = 128
CANCEL_AGAIN_SEC = 10.0
"""Longer than any task of Secretary needs to clean up."""


def stop_signal() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; a second one ends the process."""
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
    """Force the process to end within *seconds*; call this function when its work is done.

    At its end Python waits for the threads of executors. A thread that never returns, because a
    handler blocks it, would keep the process alive for ever.
    """

    def exit_now() -> None:
        log.warning("process.threads_left_behind", waited_sec=seconds)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(seconds, exit_now)
    timer.daemon = True
    timer.start()


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Return when *event* is set, after *seconds* at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def cancel_and_wait(*tasks: asyncio.Future[Any], again_sec: float | None = None) -> None:
    """Cancel *tasks* and return when they have ended; their results and errors are ignored.

    The function cancels every *again_sec* (by default CANCEL_AGAIN_SEC), because before Python 3.12
    ``asyncio.wait_for`` swallows a cancellation that arrives in the same turn of the loop as its
    result. The AMQP client uses ``wait_for`` for each answer, and PyMongo for each message that it
    sends.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again_sec or CANCEL_AGAIN_SEC)
    await asyncio.gather(*tasks, return_exceptions=True)


def listen_problem(host: str, port: int) -> str | None:
    """Return why a server cannot listen on *host*:*port*; None if it can, or if *port* is 0."""
    if not port:
        return None
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
        for family, *_, address in found[:1]:
            with socket.create_server(address[:2], family=family):
                pass
    except OSError as error:
        return f"cannot listen on {host}:{port}: {error.strerror or error}"
    return None


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> bool:
    """Wait for *work*; if *stop* is set first, cancel *work* and return False."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        await cancel_and_wait(working, stopping)


@contextlib.asynccontextmanager
async def running(*works: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Run *works* in the background of the ``async with`` block; cancel them at its end.

    If one of them fails, the block is cancelled and the error is raised: a service never continues
    with only a part of its tasks.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            try:
                yield
            finally:
                await cancel_and_wait(*tasks)
    except BaseExceptionGroup as failures:
        if len(failures.exceptions) > 1:
            raise
        raise failures.exceptions[0] from None


class Background:
    """Tasks that run on their own; references are kept until they are done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start *work*; its error is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def finish(self) -> None:
        """Wait for all tasks."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background.failed", exc=error)
