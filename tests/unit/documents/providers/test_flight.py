"""Work on several things at a time, and work that is seen through."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from secretary_documents.providers.flight import run_each, seen_through


async def numbers(count: int, *, failing_at: int | None = None) -> AsyncIterator[int]:
    for number in range(count):
        if number == failing_at:
            raise ValueError(number)
        yield number


async def test_all_is_done_so_many_at_a_time() -> None:
    under_way, most, done = 0, 0, list[int]()

    async def work(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.append(number)

    await run_each(numbers(10), work, parallel=3)
    assert sorted(done) == list(range(10))
    assert most == 3


async def test_after_a_failure_no_more_begins_and_what_is_under_way_is_finished() -> None:
    begun, done, go_on = list[int](), list[int](), asyncio.Event()

    async def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            go_on.set()
            raise KeyError(number)
        await go_on.wait()
        await asyncio.sleep(0.01)
        done.append(number)

    with pytest.raises(KeyError):
        await run_each(numbers(10), work, parallel=2)
    assert begun == [0, 1]
    assert done == [0]


async def test_a_failure_of_what_gives_the_work_is_raised_by_itself() -> None:
    done = list[int]()

    async def work(number: int) -> None:
        await asyncio.sleep(0.01)
        done.append(number)

    with pytest.raises(ValueError, match="2"):
        await run_each(numbers(5, failing_at=2), work, parallel=3)
    assert done == [0, 1]


async def test_cancelling_ends_what_is_under_way() -> None:
    ended = list[int]()

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    task = asyncio.create_task(run_each(numbers(5), work, parallel=2))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [0, 1]


async def test_what_is_seen_through_is_done_before_the_cancelling_goes_on() -> None:
    done = list[str]()

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.append("done")

    task = asyncio.create_task(seen_through(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done"]


async def test_what_is_seen_through_gives_its_outcome_or_its_error() -> None:
    async def give() -> int:
        return 7

    async def fail() -> int:
        raise KeyError

    assert await seen_through(give()) == 7
    with pytest.raises(KeyError):
        await seen_through(fail())
