"""Concurrent callers share their writes."""

import asyncio
from collections.abc import Sequence

import pytest

from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.log import _bound, bind


class Store:
    """Records each group; writes it when the test allows."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.at_once = 0

    async def write(self, items: list[int]) -> Sequence[int | BaseException]:
        self.at_once += 1
        assert self.at_once == 1, "two groups were written at the same time"
        self.groups.append(items)
        self.begun.set()
        await self.gate.wait()
        self.at_once -= 1
        return [ValueError(f"bad {item}") if item < 0 else item * 10 for item in items]


async def test_concurrent_callers_share_a_write_and_each_gets_its_own_outcome() -> None:
    store = Store()
    group = GroupCommit(store.write)
    assert await asyncio.gather(*map(group.submit, [1, 2, 3])) == [10, 20, 30]
    assert store.groups == [[1, 2, 3]]


async def test_one_bad_item_fails_alone() -> None:
    group = GroupCommit(Store().write)
    outcomes = await asyncio.gather(*map(group.submit, [1, -2, 3]), return_exceptions=True)
    assert outcomes[0::2] == [10, 30]
    assert isinstance(outcomes[1], ValueError)
    assert str(outcomes[1]) == "bad -2"


async def test_items_that_arrive_during_a_write_form_the_next_group() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=0)
    store.gate.clear()
    first = asyncio.create_task(group.submit(1))
    await store.begun.wait()
    rest = [asyncio.create_task(group.submit(item)) for item in (2, 3, 4)]
    await asyncio.sleep(0.01)
    assert store.groups == [[1]]
    store.gate.set()
    assert await asyncio.gather(first, *rest) == [10, 20, 30, 40]
    assert store.groups == [[1], [2, 3, 4]]


async def test_a_full_group_is_written_at_once_and_no_group_is_larger() -> None:
    store = Store()
    group = GroupCommit(store.write, largest=2, linger_sec=3600)
    async with asyncio.timeout(5):
        assert await asyncio.gather(*map(group.submit, [1, 2, 3, 4, 5, 6])) == [
            10,
            20,
            30,
            40,
            50,
            60,
        ]
    assert [len(each) for each in store.groups] == [2, 2, 2]


async def test_a_failed_write_raises_for_all_of_its_group_and_for_no_other() -> None:
    class Once(Store):
        async def write(self, items: list[int]) -> Sequence[int | BaseException]:
            if not self.groups:
                self.groups.append(items)
                raise OSError("down")
            return await super().write(items)

    group = GroupCommit(Once().write)
    failed = await asyncio.gather(*map(group.submit, [1, 2]), return_exceptions=True)
    assert [type(each) for each in failed] == [OSError, OSError]
    assert await group.submit(3) == 30


async def test_the_item_of_a_caller_cancelled_before_the_write_is_not_written() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=0.01)
    leaving, staying = (asyncio.create_task(group.submit(item)) for item in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 20
    assert store.groups == [[2]]


async def test_a_caller_cancelled_during_the_write_does_not_disturb_the_others() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=0)
    store.gate.clear()
    leaving, staying = (asyncio.create_task(group.submit(item)) for item in (1, 2))
    await store.begun.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    store.gate.set()
    assert await staying == 20


async def test_finish_writes_items_that_still_wait_for_others() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=3600)
    waiting = asyncio.create_task(group.submit(1))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await group.finish()
        assert await waiting == 10
    await group.finish()


async def test_a_write_carries_the_log_fields_of_no_single_caller() -> None:
    seen = []

    async def write(items: list[int]) -> Sequence[int | BaseException]:
        seen.append(_bound.get())
        return items

    with bind(job_id="job-1"):
        await GroupCommit(write).submit(1)
        await GroupCommit(write, largest=1).submit(1)
    assert seen == [None, None]


async def test_a_wrong_number_of_outcomes_raises_for_all_callers() -> None:
    async def write(items: list[int]) -> Sequence[int | BaseException]:
        return items[:-1]

    group = GroupCommit(write)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*map(group.submit, [1, 2]), return_exceptions=True)
    assert all(isinstance(each, ValueError) for each in outcomes)


@pytest.mark.parametrize("count", [1, 500])
async def test_every_item_is_written_exactly_once(count: int) -> None:
    store = Store()
    group = GroupCommit(store.write, largest=7)
    outcomes = await asyncio.gather(*map(group.submit, range(count)))
    assert outcomes == [item * 10 for item in range(count)]
    assert sorted(item for each in store.groups for item in each) == list(range(count))


async def test_an_item_after_a_single_one_waits_for_no_other() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=3600, expects_as_many=True)
    async with asyncio.timeout(5):
        assert [await group.submit(item) for item in (1, 2)] == [10, 20]
    assert store.groups == [[1], [2]]


async def test_a_group_waits_until_it_has_as_many_items_as_the_last_one() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=3600, expects_as_many=True)
    async with asyncio.timeout(5):
        await asyncio.gather(*map(group.submit, [1, 2]))
        first = asyncio.create_task(group.submit(3))
        for _ in range(5):
            await asyncio.sleep(0)
        assert store.groups == [[1, 2]]
        assert [await group.submit(4), await first] == [40, 30]
    assert store.groups == [[1, 2], [3, 4]]


async def test_a_group_that_expected_more_items_is_written_after_its_wait() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_sec=0.001, expects_as_many=True)
    await asyncio.gather(*map(group.submit, [1, 2, 3]))
    async with asyncio.timeout(5):
        assert await group.submit(4) == 40
