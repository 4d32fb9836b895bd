"""Flushes wait for the end of a short attempt, and keep their distance in a long one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from support.virtual_loop import VirtualLoop

from secretary_worker.attempt.flush_timer import FIRST_WAIT_SEC, FLUSH_SEC, FlushTimer


class Flushes:
    """Records when flushes begin; each takes ``takes_sec``."""

    def __init__(self, takes_sec: float = 0.0, incomplete: int = 0) -> None:
        self.takes_sec = takes_sec
        self.incomplete = incomplete
        self.times: list[float] = []
        self.timer = FlushTimer(self.flush)

    async def flush(self) -> bool:
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_sec)
        self.incomplete -= 1
        return self.incomplete < 0


def run(scene: Callable[[], Coroutine[Any, Any, list[float]]]) -> list[float]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scene())


def test_an_attempt_that_ends_before_its_first_flush_needs_none() -> None:
    async def scene() -> list[float]:
        flushes = Flushes()
        flushes.timer.ask()
        await asyncio.sleep(FIRST_WAIT_SEC / 2)
        await flushes.timer.stop()
        await asyncio.sleep(60)
        return flushes.times

    assert run(scene) == []


def test_the_first_flush_waits_for_the_end_and_an_awaited_one_does_not() -> None:
    async def scene() -> list[float]:
        waiting, awaited = Flushes(), Flushes()
        waiting.timer.ask()
        awaited.timer.ask()
        awaited.timer.ask(at_once=True)
        await asyncio.sleep(1)
        return [*waiting.times, *awaited.times]

    assert run(scene) == [FIRST_WAIT_SEC, 0.0]


def test_a_flush_that_is_due_at_once_can_be_asked_for_again_on_the_loop_of_a_service() -> None:
    async def scene() -> int:
        flushes = Flushes()
        for _ in range(3):
            flushes.timer.ask(at_once=True)
        await asyncio.sleep(FLUSH_SEC / 5)
        return len(flushes.times)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(scene()) == 1


def test_later_flushes_keep_their_distance_even_if_they_are_awaited() -> None:
    async def scene() -> list[float]:
        flushes = Flushes()
        for _ in range(4):
            flushes.timer.ask(at_once=True)
            await asyncio.sleep(FLUSH_SEC / 5)
        await asyncio.sleep(60)
        return flushes.times

    assert run(scene) == pytest.approx([0.0, FLUSH_SEC])


def test_a_change_during_a_flush_is_flushed_afterwards() -> None:
    async def scene() -> list[float]:
        flushes = Flushes(takes_sec=1.0)
        flushes.timer.ask(at_once=True)
        await asyncio.sleep(0.5)
        flushes.timer.ask()
        await asyncio.sleep(60)
        return flushes.times

    assert run(scene) == pytest.approx([0.0, 1.0 + FLUSH_SEC])


def test_an_incomplete_flush_is_continued_at_once() -> None:
    async def scene() -> list[float]:
        flushes = Flushes(incomplete=2)
        flushes.timer.ask(at_once=True)
        await asyncio.sleep(60)
        return flushes.times

    assert run(scene) == [0.0, 0.0, 0.0]


def test_stopping_cancels_the_flush_under_way() -> None:
    async def scene() -> list[float]:
        flushes = Flushes(takes_sec=1000.0)
        flushes.timer.ask(at_once=True)
        await asyncio.sleep(1)
        flushes.timer.ask()
        await flushes.timer.stop()
        ended_at = asyncio.get_running_loop().time()
        await asyncio.sleep(60)
        return [*flushes.times, ended_at]

    assert run(scene) == [0.0, 1.0]
