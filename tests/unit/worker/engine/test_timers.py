"""Scheduled jobs: remembered until they are due, started or passed on then."""

import asyncio
from datetime import datetime, timedelta

from support.engine_harness import CLOCK, Engine, engine

from secretary_common.broker.consumer import RingOutcome
from secretary_common.errors import TransientError
from secretary_common.models import Candidate, Job, JobStatus
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.engine.timers import MOST, Timers

NOW = CLOCK.now()
LONG = 30.0
"""A poll interval that nobody waits for here."""


def candidate(job_id: str, seconds: float) -> Candidate:
    return Candidate(job_id, "test", 5, "key-1", NOW + timedelta(seconds=seconds))


def test_timers_go_off_in_order_and_once() -> None:
    timers = Timers()
    timers.set_all([candidate("b", 2), candidate("a", 1), candidate("c", 3), candidate("a", 1)])
    assert timers.next_at() == NOW + timedelta(seconds=1)
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
    """A job that takes a slot for as long as the test lasts."""
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


async def test_a_full_worker_passes_on_the_jobs_whose_time_has_come() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        ids = [await worker.submit(run_at=due_in(0.3 + n / 10)) for n in range(2)]
        for job_id in ids:
            assert await worker.manager.ring("test", job_id) is RingOutcome.SCHEDULED
        await fill(worker)
        await worker.until(ids[0], lambda _: len(worker.doorbell.jobs) == 2)
        assert CLOCK.now() >= worker.jobs.jobs[ids[1]].run_at
    assert worker.doorbell.jobs[:2] == [("test", job_id) for job_id in ids]


async def test_a_full_worker_passes_on_what_its_last_look_saw_coming() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        later = await worker.submit(run_at=due_in(0.5))
        last = await worker.submit(run_at=due_in(0.8))
        worker.manager._wake.set()
        await asyncio.sleep(0.1)
        await fill(worker)
        await worker.until(later, lambda _: len(worker.doorbell.jobs) == 2)
    assert worker.doorbell.jobs[:2] == [("test", later), ("test", last)]


async def test_a_worker_that_stops_passes_on_its_timers() -> None:
    async with engine(nap, poll_interval_sec=LONG) as worker:
        await asyncio.sleep(0.05)
        later = await worker.submit(run_at=due_in(60))
        assert await worker.manager.ring("test", later) is RingOutcome.SCHEDULED
    assert worker.doorbell.jobs == [("test", later)]


async def test_a_retry_that_is_due_while_its_worker_is_full_is_passed_on() -> None:
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


async def test_a_doorbell_heard_during_a_look_that_fills_the_slots_is_passed_on() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        await asyncio.sleep(0.05)
        waiting = [await worker.submit(parameters={"seconds": 60}) for _ in range(2)]
        looking = asyncio.Event()
        take = worker.jobs.claim

        async def claim(*arguments: object) -> Job | None:
            looking.set()
            await asyncio.sleep(0.1)
            return await take(*arguments)  # type: ignore[arg-type]

        worker.jobs.claim = claim  # type: ignore[method-assign, assignment]
        worker.manager.slots = 2  # one claims, the other still hears
        worker.manager._wake.set()
        await looking.wait()
        rung = await worker.submit()
        assert await worker.manager.ring("test", rung) is RingOutcome.GONE
        await worker.until(waiting[1], lambda job: job.status is JobStatus.PROCESSING)
        await worker.until(rung, lambda _: bool(worker.doorbell.jobs))
    assert worker.doorbell.jobs[0] == ("test", rung)


async def test_an_idle_worker_asks_no_more_often_than_it_polls() -> None:
    async with engine(nap, poll_interval_sec=LONG) as worker:
        asked: list[float] = []
        read = worker.jobs.waiting_priorities

        async def waiting_priorities(*arguments: object) -> list[int]:
            asked.append(0)
            return await read(*arguments)  # type: ignore[arg-type]

        worker.jobs.waiting_priorities = waiting_priorities  # type: ignore[method-assign, assignment]
        later = await worker.submit(run_at=due_in(2))
        await worker.manager.ring("test", later)
        await asyncio.sleep(1.5)
        assert len(asked) <= 2
        await worker.ended(later)


async def test_without_a_broker_a_due_job_waits_for_the_next_look_at_most() -> None:
    async with engine(nap, poll_interval_sec=0.5) as worker:
        job_id = await worker.submit(run_at=due_in(0.4))
        assert 0 <= waited_sec(await worker.ended(job_id)) < 0.5 + 1
