"""Work that runs at the same time: no more than allowed, and none of it lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from secretary_documents.concurrency import ConcurrencyLimit, finish_if_cancelled, run_each


async def test_at_most_its_size_run_at_a_time_and_the_others_follow_in_order() -> None:
    limit, running, most, order = ConcurrencyLimit(2), 0, 0, list[int]()

    async def work(number: int) -> None:
        nonlocal running, most
        async with limit.permit():
            order.append(number)
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*map(work, range(6)))
    assert (most, order) == (2, [0, 1, 2, 3, 4, 5])


async def test_the_spare_permits_leave_one_for_a_caller_that_has_none() -> None:
    limit = ConcurrencyLimit(3)
    assert limit.free_but_one == 2
    async with limit.permit():
        assert limit.free_but_one == 1
        async with limit.permit(), limit.permit():
            assert limit.free_but_one == 0
    assert limit.free_but_one == 2
    assert ConcurrencyLimit(1).free_but_one == 0


def test_a_limit_serves_a_new_loop_after_the_old_one() -> None:
    limit = ConcurrencyLimit(1)

    async def take() -> None:
        async with asyncio.timeout(5), limit.permit():
            await asyncio.sleep(0)

    async def crowd() -> None:
        await asyncio.gather(take(), take())

    asyncio.run(crowd())
    asyncio.run(crowd())


async def numbers(count: int, *, failing_at: int | None = None) -> AsyncIterator[int]:
    for number in range(count):
        if number == failing_at:
            raise ValueError(number)
        yield number


async def test_all_items_are_done_as_many_at_a_time_as_allowed() -> None:
    running, most, done = 0, 0, list[int]()

    async def work(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(number)

    await run_each(numbers(10), work, parallel=3)
    assert sorted(done) == list(range(10))
    assert most == 3


async def test_after_a_failure_no_item_is_started_and_running_items_are_finished() -> None:
    started, done, go_on = list[int](), list[int](), asyncio.Event()

    async def work(number: int) -> None:
        started.append(number)
        if number == 1:
            go_on.set()
            raise KeyError(number)
        await go_on.wait()
        await asyncio.sleep(0.01)
        done.append(number)

    with pytest.raises(KeyError):
        await run_each(numbers(10), work, parallel=2)
    assert started == [0, 1]
    assert done == [0]


async def test_a_failure_of_the_iterator_is_raised_by_itself() -> None:
    done = list[int]()

    async def work(number: int) -> None:
        await asyncio.sleep(0.01)
        done.append(number)

    with pytest.raises(ValueError, match="2"):
        await run_each(numbers(5, failing_at=2), work, parallel=3)
    assert done == [0, 1]


async def test_cancelling_stops_running_items() -> None:
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


async def test_protected_work_is_done_before_the_cancellation_is_raised() -> None:
    done = list[str]()

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.append("done")

    task = asyncio.create_task(finish_if_cancelled(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done"]


async def test_protected_work_returns_its_outcome_or_raises_its_error() -> None:
    async def give() -> int:
        return 7

    async def fail() -> int:
        raise KeyError

    assert await finish_if_cancelled(give()) == 7
    with pytest.raises(KeyError):
        await finish_if_cancelled(fail())
