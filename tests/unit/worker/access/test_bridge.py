"""Calls of handlers run in the engine's loop, and their answers return to the handlers' loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from support.other_loop import OtherLoop, other_loop

from secretary_worker.access.bridge import Bridge


@pytest.fixture
def handlers() -> Iterator[OtherLoop]:
    with other_loop() as running:
        yield running


async def thread() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


async def test_work_runs_in_the_engines_loop_from_any_loop(handlers: OtherLoop) -> None:
    bridge = Bridge()
    engines = threading.get_ident()
    assert await handlers.run(thread()) != engines
    assert await handlers.run(bridge.call(thread)) == engines
    assert await bridge.call(thread) == engines


async def test_an_error_reaches_the_caller_unchanged(handlers: OtherLoop) -> None:
    async def fails() -> None:
        raise LookupError("gone")

    bridge = Bridge()
    with pytest.raises(LookupError, match="gone"):
        await handlers.run(bridge.call(fails))


async def test_a_cancelled_caller_cancels_the_work(handlers: OtherLoop) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def long() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    asking = asyncio.create_task(handlers.run(Bridge().call(long)))
    async with asyncio.timeout(30):
        await begun.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await stopped.wait()


def test_a_call_after_the_end_of_the_engine_raises() -> None:
    async def made() -> Bridge:
        return Bridge()

    bridge = asyncio.run(made())
    with pytest.raises(RuntimeError):
        asyncio.run(bridge.call(thread))


async def test_items_are_read_one_by_one_on_demand(handlers: OtherLoop) -> None:
    given: list[int] = []

    async def numbers() -> AsyncIterator[int]:
        for n in range(1000):
            given.append(threading.get_ident())
            yield n

    bridge = Bridge()

    async def first_three() -> list[int]:
        taken: list[int] = []
        async for n in bridge.each(numbers()):
            taken.append(n)
            if n == 2:
                break
        return taken

    async def all_of_them() -> list[int]:
        return [n async for n in bridge.each(numbers())]

    assert await handlers.run(first_three()) == [0, 1, 2]
    assert given == [threading.get_ident()] * 3
    assert await handlers.run(all_of_them()) == list(range(1000))
