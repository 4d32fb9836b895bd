"""A remembered answer is shown at once, and read again in the background, not too often."""

from __future__ import annotations

import asyncio

import pytest

from secretary_api.overview.remembered import COST_FACTOR, OLDEST_SEC, Remembered
from secretary_common.errors import StoreUnavailable


class Source:
    """Counts its reads; each read takes ``cost_sec`` of a clock that stands still otherwise."""

    def __init__(self) -> None:
        self.now, self.cost_sec, self.reads = 1000.0, 0.0, 0
        self.fails = False
        self.held = asyncio.Event()
        self.held.set()
        self.remembered: Remembered[str, str] = Remembered(
            self.read, least_sec=2, monotonic=lambda: self.now
        )

    async def read(self, key: str) -> str:
        self.reads += 1
        await self.held.wait()
        self.now += self.cost_sec
        if self.fails:
            raise StoreUnavailable
        return f"{key}{self.reads}"

    async def get(self, key: str = "a") -> str:
        answer = await self.remembered.get(key)
        for _ in range(5):  # a read in the background ends
            await asyncio.sleep(0)
        return answer


async def test_an_answer_is_read_once_for_requests_at_the_same_time() -> None:
    source = Source()
    source.held.clear()
    asked = [asyncio.create_task(source.get()) for _ in range(10)]
    await asyncio.sleep(0)
    source.held.set()
    assert await asyncio.gather(*asked) == ["a1"] * 10
    assert source.reads == 1


async def test_an_old_answer_is_shown_while_a_new_one_is_read() -> None:
    source = Source()
    await source.get()
    source.now += 1.9
    assert (await source.get(), source.reads) == ("a1", 1)
    source.now += 0.1
    assert await source.get() == "a1"
    assert await source.get() == "a2"
    assert source.reads == 2


async def test_an_answer_that_costs_much_is_read_rarely() -> None:
    source = Source()
    source.cost_sec = 0.5
    await source.get()
    source.now += 0.5 * COST_FACTOR - 0.1
    await source.get()
    assert source.reads == 1
    source.now += 0.1
    await source.get()
    assert source.reads == 2


async def test_a_very_old_answer_is_not_shown() -> None:
    source = Source()
    await source.get()
    source.now += OLDEST_SEC
    assert await source.get() == "a2"


async def test_each_key_has_an_answer_of_its_own() -> None:
    source = Source()
    assert [await source.get("a"), await source.get("b"), await source.get("a")] == [
        "a1",
        "b2",
        "a1",
    ]


async def test_a_failed_read_shows_the_answer_of_before_until_it_is_too_old() -> None:
    source = Source()
    await source.get()
    source.fails = True
    source.now += 10
    assert [await source.get(), await source.get()] == ["a1", "a1"]
    source.now += OLDEST_SEC
    with pytest.raises(StoreUnavailable):
        await source.get()
    source.fails = False
    assert (await source.get()).startswith("a")


async def test_a_recent_answer_is_shared_for_twenty_times_its_cost_and_then_waited_for() -> None:
    source = Source()
    source.cost_sec = 0.01
    assert await source.remembered.recent("a") == "a1"
    source.now += 0.01 * COST_FACTOR - 0.001
    assert (await source.remembered.recent("a"), source.reads) == ("a1", 1)
    source.now += 0.001
    assert (await source.remembered.recent("a"), source.reads) == ("a2", 2)


async def test_a_recent_answer_is_never_older_than_a_minute() -> None:
    source = Source()
    source.cost_sec = 10.0
    await source.remembered.recent("a")
    source.now += OLDEST_SEC
    assert await source.remembered.recent("a") == "a2"


async def test_a_recent_answer_that_is_too_old_is_not_shown_while_mongodb_is_away() -> None:
    source = Source()
    await source.remembered.recent("a")
    source.fails = True
    source.now += 0.001
    with pytest.raises(StoreUnavailable):
        await source.remembered.recent("a")
