"""A worker keeps one watchdog process running until it stops."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from secretary_devstack.deadline import wait_until
from secretary_worker.watchdog.marks import Marks
from secretary_worker.watchdog.watchdog_client import WatchdogClient

DEADLINE_SEC = 15.0


def watchdogs() -> set[int]:
    """Return the process ids of the watchdogs of this process."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"secretary_worker.watchdog.process" in words and str(os.getpid()).encode() in words:
                found.add(int(path.parent.name))
    return found


async def one_other_than(known: set[int]) -> int:
    def look() -> set[int]:
        return watchdogs() - known

    found = await asyncio.to_thread(
        wait_until, look, timeout_sec=DEADLINE_SEC, what="a watchdog", every_sec=0.05
    )
    return found.pop()


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    watchdog = WatchdogClient(Marks(), owner="worker-1", lease_sec=6.0)
    running = asyncio.create_task(watchdog.run(stop))
    yield stop
    stop.set()
    await asyncio.wait_for(running, DEADLINE_SEC)


async def test_a_dead_watchdog_is_replaced() -> None:
    async with watched():
        first = await one_other_than(set())
        os.kill(first, signal.SIGKILL)
        await one_other_than({first})
    assert watchdogs() == set()


async def test_a_worker_that_stops_ends_its_watchdog_at_once() -> None:
    async with watched() as stop:
        await one_other_than(set())
        stop.set()
        await asyncio.to_thread(
            wait_until, lambda: not watchdogs(), timeout_sec=DEADLINE_SEC, what="its end"
        )
