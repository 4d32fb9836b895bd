"""The inbox brings items to one loop in order, and wakes the loop rarely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.virtual_loop import VirtualLoop

from secretary_common.runtime.inbox import BATCH_SIZE, Inbox
from secretary_common.runtime.mailbox import GATHER_SEC, Mailbox

Taken = list[tuple[str, float]]


def run(scene: Callable[[Inbox[str]], Coroutine[Any, Any, None]]) -> Taken:
    """Return the items that were taken in *scene*, each with its time."""
    taken: Taken = []

    async def playing() -> None:
        loop = asyncio.get_running_loop()
        await scene(Inbox(lambda item: taken.append((item, loop.time())), Mailbox(loop)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(playing())
    return taken


def test_items_that_are_not_urgent_are_taken_in_a_batch() -> None:
    async def scene(inbox: Inbox[str]) -> None:
        for item in "abc":
            inbox.submit(item, urgent=False)
            await asyncio.sleep(GATHER_SEC / 10)
        await asyncio.sleep(1)

    taken = run(scene)
    assert [item for item, _ in taken] == ["a", "b", "c"]
    assert [at for _, at in taken] == pytest.approx([GATHER_SEC] * 3)


def test_an_urgent_item_is_taken_at_once_with_all_before_it() -> None:
    async def scene(inbox: Inbox[str]) -> None:
        inbox.submit("a", urgent=False)
        inbox.submit("b")
        await asyncio.sleep(1)
        inbox.submit("c", urgent=False)
        await asyncio.sleep(1)

    taken = run(scene)
    assert taken[:2] == [("a", 0), ("b", 0)]
    assert taken[2][1] == pytest.approx(1 + GATHER_SEC)


def test_catching_up_takes_all_items_submitted_before() -> None:
    async def scene(inbox: Inbox[str]) -> None:
        for number in range(2 * BATCH_SIZE + 1):
            inbox.submit(str(number), urgent=False)
        await inbox.catch_up()
        inbox.submit("last", urgent=False)

    taken = run(scene)
    assert taken == [(str(number), 0) for number in range(2 * BATCH_SIZE + 1)]


async def test_no_item_from_many_threads_is_lost() -> None:
    taken: list[int] = []
    inbox: Inbox[int] = Inbox(taken.append, Mailbox(asyncio.get_running_loop()))

    def submit_some(thread: int) -> None:
        for number in range(2000):
            inbox.submit(thread * 2000 + number, urgent=number % 7 == 0)

    await asyncio.gather(*(asyncio.to_thread(submit_some, thread) for thread in range(4)))
    async with asyncio.timeout(10):
        while len(taken) < 4 * 2000:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(GATHER_SEC)
    assert sorted(taken) == list(range(4 * 2000))
    for thread in range(4):
        own = [item for item in taken if item // 2000 == thread]
        assert own == sorted(own)
