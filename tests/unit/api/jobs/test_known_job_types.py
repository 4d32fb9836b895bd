import asyncio

import pytest

from secretary_api.jobs.job_types import KnownJobTypes
from secretary_common.errors import InvalidRequest, StoreUnavailable
from secretary_common.models import JobTypeInfo
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.announcements import InMemoryJobTypeRepository


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_a_type_that_was_announced_after_the_last_read_is_known(clock: ManualClock) -> None:
    repository = InMemoryJobTypeRepository()
    known = KnownJobTypes(repository, clock)
    assert await known.all() == []
    with pytest.raises(StoreUnavailable):
        await known.get("pdf")
    clock.advance(0.1)
    await repository.announce([JobTypeInfo("pdf")])
    assert (await known.get("pdf")).info.job_type == "pdf"
    with pytest.raises(InvalidRequest, match="known are pdf"):
        await known.get("mine")
    clock.advance(0.1)
    await repository.announce([JobTypeInfo("mine")])
    assert (await known.get("mine")).info.job_type == "mine"


async def test_many_requests_with_an_unknown_type_share_a_read(clock: ManualClock) -> None:
    repository = InMemoryJobTypeRepository()
    await repository.announce([JobTypeInfo("pdf")])
    known = KnownJobTypes(repository, clock)
    await known.all()
    reads = 0
    read_all = repository.all

    async def counted() -> list[JobTypeInfo]:
        nonlocal reads
        reads += 1
        return await read_all()

    repository.all = counted  # type: ignore[method-assign]
    clock.advance(0.1)
    for _ in range(20):
        with pytest.raises(InvalidRequest):
            await known.get("mine")
    assert reads == 1


async def test_requests_share_a_read_that_fails_and_do_not_wait_one_after_the_other(
    clock: ManualClock,
) -> None:
    repository = InMemoryJobTypeRepository()
    known = KnownJobTypes(repository, clock)
    deadline, reads = asyncio.Event(), 0

    async def fail() -> list[JobTypeInfo]:
        nonlocal reads
        reads += 1
        await deadline.wait()
        raise StoreUnavailable

    repository.all = fail  # type: ignore[method-assign]
    requests = [asyncio.ensure_future(known.get("pdf")) for _ in range(5)]
    await asyncio.sleep(0)
    deadline.set()
    found = await asyncio.gather(*requests, return_exceptions=True)
    assert [type(one) for one in found] == [StoreUnavailable] * 5
    assert reads == 1


async def test_a_pause_is_shown_although_an_older_read_is_under_way(clock: ManualClock) -> None:
    repository = InMemoryJobTypeRepository()
    await repository.announce([JobTypeInfo("pdf")])
    known = KnownJobTypes(repository, clock)
    released, read_all = asyncio.Event(), repository.all

    async def late() -> list[JobTypeInfo]:
        found = await read_all()
        await released.wait()
        return found

    repository.all = late  # type: ignore[method-assign]
    older = asyncio.ensure_future(known.all())
    await asyncio.sleep(0)
    pausing = asyncio.ensure_future(known.set_paused("pdf", paused=True))
    await asyncio.sleep(0)
    released.set()
    await older
    shown = await pausing
    assert shown is not None
    assert shown.paused


async def test_a_listing_of_the_newest_types_has_one_that_was_just_announced(
    clock: ManualClock,
) -> None:
    repository = InMemoryJobTypeRepository()
    known = KnownJobTypes(repository, clock)
    assert await known.all() == []
    clock.advance(0.1)
    await repository.announce([JobTypeInfo("pdf")])
    assert await known.all() == []
    assert [info.job_type for info in await known.all(newest=True)] == ["pdf"]
