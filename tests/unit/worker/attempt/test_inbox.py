"""The way to the engine's loop: in order, and no oftener than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.virtual_loop import VirtualLoop

from secretary_worker.attempt.inbox import GATHER_SEC, TAKEN_AT_ONCE, Inbox

Taken = list[tuple[str, float]]


def run(scene: Callable[[Inbox[str]], Coroutine[Any, Any, None]]) -> Taken:
    """What was taken in *scene*, each with its time."""
    taken: Taken = []

    async def playing() -> None:
        now = asyncio.get_running_loop().time
        await scene(Inbox(lambda item: taken.append((item, now()))))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(playing())
    return taken


def test_what_can_wait_is_taken_together() -> None:
    async def scene(intake: Inbox[str]) -> None:
        for item in "abc":
            intake.submit(item, urgent=False)
            await asyncio.sleep(GATHER_SEC / 10)
        await asyncio.sleep(1)

    taken = run(scene)
    assert [item for item, _ in taken] == ["a", "b", "c"]
    assert [at for _, at in taken] == pytest.approx([GATHER_SEC] * 3)


def test_what_is_urgent_takes_along_what_waits_and_what_comes_later_waits_anew() -> None:
    async def scene(intake: Inbox[str]) -> None:
        intake.submit("a", urgent=False)
        intake.submit("b")
        await asyncio.sleep(1)
        intake.submit("c", urgent=False)
        await asyncio.sleep(1)

    taken = run(scene)
    assert taken[:2] == [("a", 0), ("b", 0)]
    assert taken[2][1] == pytest.approx(1 + GATHER_SEC)


def test_who_catches_up_waits_for_all_that_was_submitted_before() -> None:
    async def scene(intake: Inbox[str]) -> None:
        for number in range(2 * TAKEN_AT_ONCE + 1):
            intake.submit(str(number), urgent=False)
        await intake.catch_up()
        intake.submit("last", urgent=False)

    taken = run(scene)
    assert taken == [(str(number), 0) for number in range(2 * TAKEN_AT_ONCE + 1)]


async def test_of_items_from_many_threads_none_is_lost() -> None:
    taken: list[int] = []
    intake: Inbox[int] = Inbox(taken.append)

    def submit_some(thread: int) -> None:
        for number in range(2000):
            intake.submit(thread * 2000 + number, urgent=number % 7 == 0)

    await asyncio.gather(*(asyncio.to_thread(submit_some, thread) for thread in range(4)))
    async with asyncio.timeout(10):
        while len(taken) < 4 * 2000:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(GATHER_SEC)
    assert sorted(taken) == list(range(4 * 2000))
    for thread in range(4):
        ours = [item for item in taken if item // 2000 == thread]
        assert ours == sorted(ours)
