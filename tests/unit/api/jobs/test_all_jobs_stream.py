"""The stream of all jobs: what a key may see, once, from any place on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from support.job_samples import NOW, end, lease, make_job

from secretary_api.jobs import all_jobs_stream
from secretary_api.jobs.all_jobs_stream import AllJobsStream, Wanted
from secretary_common.errors import FeedLost
from secretary_common.models import JobStatus, Outcome
from secretary_common.ports import ChangedJobs, FeedPlace
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.jobs import InMemoryJobFeed, InMemoryJobRepository

TYPES = {"pdf"}


class Scene:
    """Jobs and a stream over them."""

    def __init__(self) -> None:
        self.jobs = InMemoryJobRepository()
        self.valid = True
        self.stopping = False
        self.stream = AllJobsStream(
            InMemoryJobFeed(self.jobs),
            self.jobs,
            ManualClock(),
            self._is_valid,
            lambda: self.stopping,
        )

    async def _is_valid(self, _: str) -> bool:
        return self.valid

    async def complete(self, job_id: str) -> None:
        job = await self.jobs.claim(job_id, lease(job_id), NOW + timedelta(days=1), TYPES)
        assert job is not None
        await self.jobs.settle(job, job_id, end(Outcome.COMPLETED))

    async def until_completed(
        self, wanted: Wanted, count: int, after: FeedPlace
    ) -> tuple[list[str], FeedPlace]:
        """Follow until *count* jobs have completed; return their ids, and the last place."""
        ended: list[str] = []
        changes = self.stream.changes(wanted, after, "key")
        async with _closing(changes):
            async for group in changes:
                ended += [one.job_id for one in group.jobs if one.has_ended]
                if len(ended) >= count:
                    return ended, group.place
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def _closing(changes: AsyncIterator[object]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await changes.aclose()  # type: ignore[attr-defined]


async def test_one_stream_follows_a_thousand_jobs_and_misses_no_end() -> None:
    scene = Scene()
    names = [f"job-{number}" for number in range(1000)]
    following = asyncio.ensure_future(
        scene.until_completed(Wanted("key-1"), len(names), scene.stream.now())
    )
    for name in names:
        await scene.jobs.insert(make_job(name))
        await scene.complete(name)
        await asyncio.sleep(0)
    ended, _ = await following
    assert sorted(ended) == sorted(names)


class BusyFeed(InMemoryJobFeed):
    """Jobs change all the time, so no group is current. It counts its readers."""

    readers = 0

    async def changes(self, after: FeedPlace) -> AsyncIterator[ChangedJobs]:
        self.readers += 1
        try:
            async for found in super().changes(after):
                yield replace(found, is_current=False)
        finally:
            self.readers -= 1


async def test_clients_of_a_busy_system_share_one_feed_and_miss_no_end() -> None:
    scene = Scene()
    feed = BusyFeed(scene.jobs)
    scene.stream = AllJobsStream(feed, scene.jobs, ManualClock(), scene._is_valid, lambda: False)
    names = [f"job-{number}" for number in range(50)]
    clients = [
        asyncio.ensure_future(
            scene.until_completed(Wanted("key-1"), len(names), scene.stream.now())
        )
        for _ in range(10)
    ]
    for name in names:
        await asyncio.sleep(0.002)
        readers = feed.readers  # before the last end, after which the clients leave
        await scene.jobs.insert(make_job(name))
        await scene.complete(name)
    assert readers == 1
    for ended, _ in await asyncio.gather(*clients):
        assert sorted(ended) == sorted(names)


async def test_a_stream_that_comes_back_gets_what_it_missed_and_nothing_twice() -> None:
    scene = Scene()
    await scene.jobs.insert(make_job("job-1"))
    start = scene.stream.now()
    await scene.complete("job-1")
    first, place = await scene.until_completed(Wanted(), 1, start)
    for name in ("job-2", "job-3"):
        await scene.jobs.insert(make_job(name))
        await scene.complete(name)
    second, _ = await scene.until_completed(Wanted(), 2, place)
    assert (first, sorted(second)) == (["job-1"], ["job-2", "job-3"])


async def test_a_key_gets_only_its_own_jobs_and_those_it_asks_for() -> None:
    scene = Scene()
    start = scene.stream.now()
    given = {"job-1": ("key-1", "a"), "job-2": ("key-2", "a"), "job-3": ("key-1", "b")}
    for name, (owner, tag) in given.items():
        await scene.jobs.insert(make_job(name, owner=owner, tags=[tag]))
        await scene.complete(name)
    wanted = Wanted("key-1", status=JobStatus.COMPLETED, tag="a")
    assert (await scene.until_completed(wanted, 1, start))[0] == ["job-1"]
    assert sorted((await scene.until_completed(Wanted(), 3, start))[0]) == sorted(given)


async def test_a_revoked_key_ends_its_stream() -> None:
    scene = Scene()
    scene.valid = False
    groups = scene.stream.changes(Wanted(), scene.stream.now(), "key")
    assert [group.jobs async for group in groups] == [()]


async def test_an_unknown_place_is_lost() -> None:
    scene = Scene()
    try:
        async for _ in scene.stream.changes(Wanted(), FeedPlace(-1, 0), "key"):
            raise AssertionError("the stream begins")
    except FeedLost:
        pass


async def test_a_client_that_does_not_read_loses_its_stream_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(all_jobs_stream, "MOST_WAITING_JOBS", 3)
    scene = Scene()
    feed = InMemoryJobFeed(scene.jobs, pause_sec=0)
    scene.stream = AllJobsStream(feed, scene.jobs, ManualClock(), scene._is_valid, lambda: False)
    changes = scene.stream.changes(Wanted(), scene.stream.now(), "key")
    async with _closing(changes), asyncio.timeout(10):
        await anext(changes)  # the client has its place, and then reads nothing
        for number in range(10):
            await scene.jobs.insert(make_job(f"job-{number}"))
            for _ in range(10):
                await asyncio.sleep(0)  # the feed goes on
        assert [job.job_id async for group in changes for job in group.jobs] == []
