"""Scheduled jobs: kept until they are due, then started, or rung for by a full worker."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.engine_harness import CLOCK, Engine, engine

from secretary_common.broker.message import RingOutcome
from secretary_common.errors import TransientError
from secretary_common.models import Candidate, Job, JobStatus
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.engine.timers import MOST, Timers

NOW = CLOCK.now()
LONG = 30.0
"""A poll interval longer than any test waits."""


def candidate(job_id: str, seconds: float) -> Candidate:
    return Candidate(job_id, "test", 5, "key-1", NOW + timedelta(seconds=seconds))


def test_due_jobs_are_taken_in_order_and_once() -> None:
    timers = Timers()
    timers.set_all([candidate("b", 2), candidate("a", 1), candidate("c", 3), candidate("a", 1)])
    assert timers.until_next_sec(NOW) == pytest.approx(1.001)
    due = timers.take_due(NOW + timedelta(seconds=2))
    assert [job.job_id for job in due] == ["a", "b"]
    assert timers.take_due(NOW + timedelta(seconds=2)) == []
    assert len(timers) == 1


def test_the_time_set_last_counts() -> None:
    timers = Timers()
    timers.set_all([candidate("a", 1), candidate("a", 5), candidate("b", 1), candidate("b", 0)])
    assert [job.job_id for job in timers.take_due(NOW)] == ["b"]
    assert timers.take_due(NOW + timedelta(seconds=4)) == []
    assert [job.job_id for job in timers.take_due(NOW + timedelta(seconds=5))] == ["a"]


def test_the_earliest_are_kept_when_there_are_too_many() -> None:
    timers = Timers()
    timers.set_all(candidate(f"{n}", -n) for n in range(MOST + 1))
    assert len(timers) <= MOST
    assert timers.take_due(NOW)[0].job_id == f"{MOST}"


async def nap(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
    await asyncio.sleep(job.parameters.get("seconds", 0))


def due_in(seconds: float) -> datetime:
    return CLOCK.now() + timedelta(seconds=seconds)


async def fill(worker: Engine) -> str:
    """Start a job that keeps its slot until the end of the test."""
    job_id = await worker.submit(parameters={"seconds": 60})
    await worker.manager.ring("test", job_id)
    await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
    return job_id


def waited_sec(job: Job) -> float:
    assert job.processing_started_at is not None
    return (job.processing_started_at - job.run_at).total_seconds()


async def test_each_scheduled_job_starts_within_a_second_of_its_time() -> None:
    async with engine(nap, poll_interval_sec=LONG) as worker:
        await asyncio.sleep(0.05)
        ids = [await worker.submit(run_at=due_in(0.3 + n / 10)) for n in (2, 0, 1)]
        for job_id in ids:
            assert await worker.manager.ring("test", job_id) is RingOutcome.SCHEDULED
        for job_id in ids:
            assert 0 <= waited_sec(await worker.ended(job_id)) < 1


async def test_a_full_worker_rings_for_jobs_that_are_due() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        ids = [await worker.submit(run_at=due_in(0.3 + n / 10)) for n in range(2)]
        for job_id in ids:
            assert await worker.manager.ring("test", job_id) is RingOutcome.SCHEDULED
        await fill(worker)
        await worker.until(ids[0], lambda _: len(worker.doorbell.jobs) == 2)
        assert CLOCK.now() >= worker.jobs.jobs[ids[1]].run_at
    assert worker.doorbell.jobs[:2] == [("test", job_id) for job_id in ids]


async def test_a_full_worker_rings_for_scheduled_jobs_that_its_last_look_found() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        later = await worker.submit(run_at=due_in(0.5))
        last = await worker.submit(run_at=due_in(0.8))
        await worker.look()
        await asyncio.sleep(0.1)
        await fill(worker)
        await worker.until(later, lambda _: len(worker.doorbell.jobs) == 2)
    assert worker.doorbell.jobs[:2] == [("test", later), ("test", last)]


async def test_a_worker_that_stops_rings_for_its_timers() -> None:
    async with engine(nap, poll_interval_sec=LONG) as worker:
        await asyncio.sleep(0.05)
        later = await worker.submit(run_at=due_in(60))
        assert await worker.manager.ring("test", later) is RingOutcome.SCHEDULED
    assert worker.doorbell.jobs == [("test", later)]


async def test_a_full_worker_rings_for_a_retry_that_is_due() -> None:
    async def handler(
        job: Job, repo: SecretaryJobRepository, calculator: ResourceCalculator
    ) -> None:
        if job.parameters.get("fails"):
            raise TransientError("not yet", retry_after=0.5)
        await nap(job, repo, calculator)

    async with engine(handler, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        await asyncio.sleep(0.05)
        job_id = await worker.submit(parameters={"fails": True})
        await worker.manager.ring("test", job_id)
        await worker.until(job_id, lambda job: job.status is JobStatus.PENDING and job.attempt == 1)
        await fill(worker)
        await worker.until(job_id, lambda _: bool(worker.doorbell.jobs))
        assert CLOCK.now() >= worker.jobs.jobs[job_id].run_at
    assert worker.doorbell.jobs[0] == ("test", job_id)


async def test_a_doorbell_during_a_look_that_fills_the_slots_is_rung_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        await asyncio.sleep(0.05)
        waiting = [await worker.submit(parameters={"seconds": 60}) for _ in range(3)]
        looking = asyncio.Event()
        take = worker.jobs.claim

        async def claim(job_id: str, *arguments: Any) -> Job | None:
            if job_id in waiting:
                looking.set()
                await asyncio.sleep(0.1)
            return await take(job_id, *arguments)

        monkeypatch.setattr(worker.jobs, "claim", claim)
        worker.manager.slots = 2
        await worker.look()
        await looking.wait()
        worker.manager.slots = 3  # another slot becomes free, and a candidate waits for it
        rung = await worker.submit()
        assert await worker.manager.ring("test", rung) is RingOutcome.GONE
        await worker.until(waiting[2], lambda job: job.status is JobStatus.PROCESSING)
        await worker.until(rung, lambda _: bool(worker.doorbell.jobs))
    assert worker.doorbell.jobs[0] == ("test", rung)


async def test_an_idle_worker_reads_candidates_only_when_it_polls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with engine(nap, poll_interval_sec=LONG) as worker:
        reads: list[float] = []
        read = worker.jobs.waiting_priorities

        async def waiting_priorities(*arguments: Any) -> list[int]:
            reads.append(0)
            return await read(*arguments)

        monkeypatch.setattr(worker.jobs, "waiting_priorities", waiting_priorities)
        later = await worker.submit(run_at=due_in(2))
        await worker.manager.ring("test", later)
        await asyncio.sleep(1.5)
        assert len(reads) <= 2
        await worker.ended(later)


async def test_without_a_broker_a_due_job_waits_for_the_next_look_at_most() -> None:
    async with engine(nap, poll_interval_sec=0.5) as worker:
        job_id = await worker.submit(run_at=due_in(0.4))
        assert 0 <= waited_sec(await worker.ended(job_id)) < 0.5 + 1
