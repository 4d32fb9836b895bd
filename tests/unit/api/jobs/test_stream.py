"""Streams of jobs: each change once, one query for all streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import timedelta
from typing import Any

from support.job_samples import NOW, end, lease, make_job
from support.virtual_loop import VirtualLoop

from secretary_api.jobs.stream import BEFORE_ALL, POLL_SEC, QUIET_SEC, JobStream
from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, JobProgress, Outcome, ProgressChange
from secretary_common.testing.jobs import InMemoryJobRepository

TYPES = {"pdf"}
KEY = "key"


class CountingStore(InMemoryJobRepository):
    """A store that counts its queries, with a stream over it."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: list[int] = []
        """How many jobs each query asked for."""
        self.answers = True
        self.stopping = False
        self.valid = {KEY}
        self.stream = JobStream(self, self.is_valid, lambda: self.stopping)

    async def is_valid(self, key_id: str) -> bool:
        return key_id in self.valid

    async def summaries(self, job_ids: Collection[str]) -> list[Job]:
        self.queries.append(len(job_ids))
        if not self.answers:
            raise StoreUnavailable
        return await super().summaries(job_ids)

    async def submitted(self, job_id: str = "job-1") -> Job:
        job = make_job(job_id, job_type="pdf")
        await self.insert(job)
        return job

    async def start(self, job: Job) -> Job:
        claimed = await self.claim(job.job_id, lease("t1"), NOW + timedelta(days=1), TYPES)
        assert claimed is not None
        return claimed

    async def advance(self, job: Job, seq: int) -> None:
        step = JobProgress(step=f"step {seq}")
        await self.record_progress(ProgressChange(job.job_id, "t1", seq, NOW, step, None))

    async def complete(self, job: Job, seq: int) -> None:
        await self.settle(job, "t1", end(Outcome.COMPLETED, seq=seq))

    async def follow(self, job: Job, after: int = BEFORE_ALL) -> list[tuple[int, str] | None]:
        changes = self.stream.changes(job, after, KEY)
        return [(job.seq, job.status.value) if job else None async for job in changes]


def play(scene: Callable[[CountingStore], Coroutine[Any, Any, None]]) -> CountingStore:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def playing() -> CountingStore:
            made = CountingStore()
            await scene(made)
            return made

        return runner.run(playing())


def test_a_stream_yields_each_change_once_and_ends_with_the_job() -> None:
    async def scene(jobs: CountingStore) -> None:
        job = await jobs.submitted()
        following = asyncio.ensure_future(jobs.follow(job))
        await asyncio.sleep(5)
        claimed = await jobs.start(job)
        await asyncio.sleep(5)
        await jobs.advance(claimed, 2)
        await jobs.advance(claimed, 3)  # between two polls
        await asyncio.sleep(5)
        await jobs.complete(claimed, 4)
        assert await following == [
            (0, "pending"),
            (1, "processing"),
            (3, "processing"),
            (4, "completed"),
        ]

    play(scene)


def test_a_client_that_reconnects_gets_only_later_changes() -> None:
    async def scene(jobs: CountingStore) -> None:
        claimed = await jobs.start(await jobs.submitted())
        following = asyncio.ensure_future(jobs.follow(claimed, after=1))
        await asyncio.sleep(1)
        await jobs.complete(claimed, 2)
        assert await following == [(2, "completed")]

    play(scene)


def test_a_quiet_stream_yields_none_in_time() -> None:
    async def scene(jobs: CountingStore) -> None:
        job = await jobs.submitted()
        following = asyncio.ensure_future(jobs.follow(job))
        await asyncio.sleep(2 * QUIET_SEC + 2 * POLL_SEC)
        jobs.stopping = True
        assert await following == [(0, "pending"), None, None]

    play(scene)


def test_one_query_serves_every_stream() -> None:
    async def scene(jobs: CountingStore) -> None:
        watched = [await jobs.submitted(f"job-{number}") for number in range(100)]
        following = []
        for number in range(200):
            following.append(asyncio.ensure_future(jobs.follow(watched[number % 100])))
            await asyncio.sleep(0.001)
        before = len(jobs.queries)
        await asyncio.sleep(10)
        assert len(jobs.queries) - before <= 10 / POLL_SEC + 1
        assert set(jobs.queries[before:]) == {100}
        jobs.stopping = True
        await asyncio.gather(*following)

    play(scene)


def test_a_stream_survives_an_outage_of_the_store() -> None:
    async def scene(jobs: CountingStore) -> None:
        job = await jobs.submitted()
        following = asyncio.ensure_future(jobs.follow(job))
        await asyncio.sleep(1)
        jobs.answers = False
        claimed = await jobs.start(job)
        await asyncio.sleep(5)
        jobs.answers = True
        await asyncio.sleep(1)
        await jobs.complete(claimed, 2)
        assert await following == [(0, "pending"), (1, "processing"), (2, "completed")]

    play(scene)


def test_a_deleted_job_ends_its_stream() -> None:
    async def scene(jobs: CountingStore) -> None:
        job = await jobs.submitted()
        following = asyncio.ensure_future(jobs.follow(job))
        await asyncio.sleep(1)
        await jobs.delete(job, NOW)
        assert await following == [(0, "pending")]

    play(scene)


def test_a_revoked_key_ends_its_streams_and_no_others() -> None:
    async def scene(jobs: CountingStore) -> None:
        job = await jobs.submitted()
        jobs.valid.add("other")
        following = asyncio.ensure_future(jobs.follow(job))
        others = jobs.stream.changes(job, BEFORE_ALL, "other")
        assert await anext(others) == job
        await asyncio.sleep(1)
        jobs.valid.remove(KEY)
        assert await following == [(0, "pending")]
        claimed = await jobs.start(job)
        await jobs.complete(claimed, 2)
        assert [found.seq async for found in others if found] == [2]

    play(scene)
