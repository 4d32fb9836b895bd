"""Doorbells: those of a moment share one claim, and one may wake several workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.engine_harness import CLOCK, DEADLINE_SEC, Engine, engine

from secretary_common.broker.message import RingOutcome
from secretary_common.errors import TransientError
from secretary_common.models import Candidate, Job, JobStatus, Lease, new_job_id
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.engine import doorbells, manager
from secretary_worker.engine.line import candidates

LONG = 2 * DEADLINE_SEC
"""A poll interval longer than any test waits."""


class Counting(InMemoryJobRepository):
    """Records the ids of each claim and each read for doorbells."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[list[str]] = []
        self.reads: list[list[str]] = []

    async def claim_many(
        self, job_ids: Sequence[str], lease: Lease, now: datetime, job_types: Collection[str]
    ) -> list[Job]:
        self.claims.append([*job_ids])
        return await super().claim_many(job_ids, lease, now, job_types)

    async def scheduled(self, job_ids: Collection[str], now: datetime) -> list[Candidate]:
        self.reads.append([*job_ids])
        return await super().scheduled(job_ids, now)


class Exchange:
    """Passes each ring on to a worker that does not give it back, as the broker does."""

    def __init__(self) -> None:
        self.workers: list[Engine] = []
        self.rung: list[str] = []

    is_connected = True

    async def announce_job(self, job_type: str, job_id: str) -> bool:
        return False

    async def ring_job(
        self, job_type: str, job_id: str, *, announced: bool = False, shared: bool = False
    ) -> bool:
        self.rung.append(job_id)
        for worker in self.workers:
            bells = worker.manager.doorbells
            answer = bells.answer_shared if shared else bells.answer
            if await answer(job_type, job_id) is not RingOutcome.GIVEN_BACK:
                break
        return True

    async def ring_delivery(self, job_id: str, seq: int) -> bool:
        return True

    async def ring_slot(self, job_id: str, seq: int) -> bool:
        return True


async def nothing(*_: Any) -> None:
    """Return at once."""


async def nap(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    await asyncio.sleep(60)


async def ring_all(worker: Engine, *ids: str) -> list[RingOutcome]:
    return await asyncio.gather(*(worker.manager.ring("test", job_id) for job_id in ids))


async def settled(worker: Engine) -> None:
    """Wait until the worker has had time for its look."""
    await asyncio.sleep(0.1)


async def test_the_doorbells_of_a_moment_share_one_claim_and_one_read() -> None:
    store = Counting()
    async with engine(nothing, jobs=store, slots=8, poll_interval_sec=LONG) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(3)]
        later = await worker.submit(run_at=CLOCK.now() + timedelta(seconds=60))
        outcomes = await ring_all(worker, *ids, later, "job-unknown", ids[0])
        claimed, gone = RingOutcome.CLAIMED, RingOutcome.GONE
        assert outcomes == [claimed] * 3 + [RingOutcome.SCHEDULED, gone, claimed]
        assert store.claims[0] == [*ids, later, "job-unknown"]
        assert store.reads == [[later, "job-unknown"]]
        for job_id in ids:
            assert (await worker.ended(job_id)).attempt == 1


@pytest.fixture
def no_later_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """No later look ever comes, so the worker looks at once or never."""
    for name in ("LOOK_LATER_SEC", "DUE_SEC"):
        monkeypatch.setattr(manager, name, LONG)


@pytest.mark.usefixtures("no_later_look")
async def test_no_look_follows_at_once_if_the_job_of_a_doorbell_is_claimed_or_gone() -> None:
    async with engine(nothing, slots=2, poll_interval_sec=LONG) as worker:
        worker.manager.consumer.listening = True  # so that a free slot alone is no reason to look
        await settled(worker)
        rung, other = [await worker.submit() for _ in range(2)]
        outcomes = await ring_all(worker, rung, "job-of-another-worker")
        assert outcomes == [RingOutcome.CLAIMED, RingOutcome.GONE]
        await worker.ended(rung)
        assert await ring_all(worker, rung) == [RingOutcome.GONE]  # it came twice
        await settled(worker)
        assert worker.jobs.jobs[other].status is JobStatus.PENDING


async def test_the_later_look_finds_a_job_whose_doorbell_was_lost() -> None:
    async with engine(nothing, slots=2, poll_interval_sec=LONG) as worker:
        worker.manager.consumer.listening = True
        await settled(worker)
        rung, other = [await worker.submit() for _ in range(2)]
        await ring_all(worker, rung)
        assert (await worker.ended(other)).attempt == 1


@pytest.mark.usefixtures("no_later_look")
async def test_the_doorbell_of_a_job_that_is_due_soon_sets_its_timer_at_once() -> None:
    async with engine(nothing, poll_interval_sec=LONG) as worker:
        await settled(worker)
        job_id = await worker.submit(run_at=CLOCK.now() + timedelta(seconds=0.2))
        assert await ring_all(worker, job_id) == [RingOutcome.SCHEDULED]
        assert (await worker.ended(job_id)).attempt == 1


@pytest.mark.usefixtures("no_later_look")
async def test_a_quick_doorbell_that_comes_before_its_job_is_followed_by_a_look() -> None:
    async with engine(nothing, poll_interval_sec=LONG) as worker:
        await settled(worker)
        job_id = new_job_id()
        answer = worker.manager.doorbells.answer_quick
        assert await answer("test", job_id) is RingOutcome.GONE
        await worker.submit(job_id=job_id)
        assert (await worker.ended(job_id)).attempt == 1


async def test_a_shared_doorbell_makes_the_worker_take_all_its_jobs_in_one_claim() -> None:
    store = Counting()
    async with engine(nothing, jobs=store, slots=8, poll_interval_sec=LONG) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(3)]
        answer = worker.manager.doorbells.answer_shared
        assert await answer("test", ids[0]) is RingOutcome.GONE
        for job_id in ids:
            assert (await worker.ended(job_id)).attempt == 1
        assert [sorted(claim) for claim in store.claims] == [sorted(ids)]


async def test_a_full_worker_gives_a_shared_doorbell_back() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        await settled(worker)
        job_id = await worker.submit()
        await worker.manager.ring("test", job_id)
        answer = worker.manager.doorbells.answer_shared
        assert await answer("test", "job-2") is RingOutcome.GIVEN_BACK


async def test_doorbells_beyond_the_free_slots_are_given_back() -> None:
    async with engine(nap, slots=2, poll_interval_sec=LONG, drain_sec=0) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(5)]
        outcomes = await ring_all(worker, *ids)
        assert outcomes == [RingOutcome.CLAIMED] * 2 + [RingOutcome.GIVEN_BACK] * 3
        states = [worker.jobs.jobs[job_id].status for job_id in ids]
        assert states == [JobStatus.PROCESSING] * 2 + [JobStatus.PENDING] * 3


async def test_a_worker_with_free_slots_gives_no_doorbell_back_after_lost_races() -> None:
    async with engine(nothing, slots=2, poll_interval_sec=LONG) as worker:
        await settled(worker)
        job_id = await worker.submit()
        outcomes = await ring_all(worker, *(f"job-gone-{n}" for n in range(5)), job_id)
        assert outcomes == [RingOutcome.GONE] * 5 + [RingOutcome.CLAIMED]


async def test_the_doorbell_of_a_job_that_a_look_took_asks_the_store_nothing() -> None:
    store = Counting()
    async with engine(nap, jobs=store, slots=2, poll_interval_sec=LONG, drain_sec=0) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(2)]
        await worker.look()
        for job_id in ids:
            await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        store.claims.clear()
        store.reads.clear()
        assert await ring_all(worker, *ids) == [RingOutcome.GONE] * 2  # although no slot is free
    assert (store.claims, store.reads) == ([], [])


async def test_a_worker_remembers_a_limited_number_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbells, "MOST_REMEMBERED", 2)
    store = Counting()
    async with engine(nothing, jobs=store, poll_interval_sec=LONG) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(3)]
        for job_id in ids:
            await worker.manager.ring("test", job_id)
            await worker.ended(job_id)
        store.claims.clear()
        for job_id in ids:
            assert await worker.manager.ring("test", job_id) is RingOutcome.GONE
    assert store.claims == [ids[:1]]


@pytest.mark.usefixtures("no_later_look")
async def test_a_job_that_a_client_retries_starts_although_its_worker_remembers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doorbells, "LATELY_SEC", 0.0)  # as if it were claimed a while ago
    async with engine(nothing, poll_interval_sec=LONG) as worker:
        worker.manager.consumer.listening = True
        await settled(worker)
        job_id = await worker.submit(webhook=None)
        await worker.manager.ring("test", job_id)
        job = await worker.ended(job_id)
        await worker.jobs.retry(job, CLOCK.now())
        await worker.manager.ring("test", job_id)
        await worker.until(job_id, lambda job: job.run == 2 and job.has_ended)


@pytest.mark.usefixtures("no_later_look")
async def test_one_doorbell_starts_all_jobs_that_were_inserted_together() -> None:
    async with engine(nothing, slots=3, poll_interval_sec=LONG) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(8)]
        await worker.manager.doorbells.answer_shared("test", ids[0])
        for job_id in ids:
            assert (await worker.ended(job_id)).attempt == 1


@pytest.mark.usefixtures("no_later_look")
async def test_small_workers_that_share_one_doorbell_do_not_wait_for_their_poll() -> None:
    exchange, store = Exchange(), InMemoryJobRepository()
    async with AsyncExitStack() as stack:
        for _ in range(3):
            small = engine(
                nap, jobs=store, slots=3, doorbell=exchange, poll_interval_sec=LONG, drain_sec=0
            )
            exchange.workers.append(await stack.enter_async_context(small))
        worker = exchange.workers[0]
        await settled(worker)
        ids = [await worker.submit() for _ in range(9)]
        await exchange.ring_job("test", ids[0], shared=True)
        for job_id in ids:
            await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        assert len(exchange.rung) <= 1 + len(exchange.workers)


@pytest.mark.usefixtures("no_later_look")
async def test_a_full_worker_rings_once_for_the_next_job_and_those_behind_it() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(3)]
        await worker.manager.ring("test", ids[0])
        await worker.until(ids[0], lambda _: bool(worker.doorbell.jobs))
        await settled(worker)
        assert worker.doorbell.jobs == [("test", ids[1])]
        assert worker.doorbell.shared == [ids[1]]


async def test_a_full_worker_with_no_more_jobs_rings_for_none() -> None:
    async with engine(nap, slots=1, poll_interval_sec=LONG, drain_sec=0) as worker:
        await settled(worker)
        job_id = await worker.submit()
        await worker.manager.ring("test", job_id)
        await settled(worker)
        assert worker.doorbell.jobs == []


async def test_a_worker_that_stops_before_its_look_rings_for_the_next_job() -> None:
    async with engine(nothing, poll_interval_sec=LONG) as worker:
        await settled(worker)
        ids = [await worker.submit() for _ in range(2)]
        await worker.manager.ring("test", ids[0])
        worker.manager.stop()
        await worker.until(ids[0], lambda _: bool(worker.doorbell.jobs))
    assert worker.doorbell.jobs == [("test", ids[1])]


class Blocking(InMemoryJobRepository):
    """Has contact when the test says so. Then a look for expired leases blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.has_contact = asyncio.Event()
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def ping(self) -> None:
        await self.has_contact.wait()

    async def ended_leases(
        self, job_types: Collection[str], now: datetime, limit: int, *, lost_leases: int
    ) -> list[Job]:
        self.is_asked.set()
        await self.may_answer.wait()
        return await super().ended_leases(job_types, now, limit, lost_leases=lost_leases)


async def test_a_worker_that_stops_during_its_look_rings_for_the_next_job() -> None:
    jobs = Blocking()
    async with engine(
        nothing, jobs=jobs, ping=jobs.ping, poll_interval_sec=LONG, heartbeat_sec=0.3
    ) as worker:
        await settled(worker)
        jobs.has_contact.set()
        while not worker.leases.may_reclaim:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        job_id = await worker.submit()
        await worker.manager.doorbells.answer_shared("test", job_id)
        await jobs.is_asked.wait()
        worker.manager.stop()
        jobs.may_answer.set()
    assert worker.doorbell.jobs == [("test", job_id)]


async def test_a_job_that_is_to_be_retried_while_its_worker_stops_is_rung_for() -> None:
    stopping = threading.Event()

    async def handler(*_: Any) -> None:
        await asyncio.to_thread(stopping.wait)
        raise TransientError("later", retry_after=60)

    async with engine(handler, poll_interval_sec=LONG) as worker:
        job_id = await worker.submit()
        await worker.manager.ring("test", job_id)
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        worker.manager.stop()
        await settled(worker)  # it waits for its job now
        stopping.set()
    assert worker.jobs.jobs[job_id].status is JobStatus.PENDING
    assert worker.doorbell.jobs == [("test", job_id)]


async def test_a_job_that_became_due_is_found_although_the_worker_still_had_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "DUE_SEC", 0.0)  # each read sets the timer of the next job
    waiting: list[asyncio.Event] = []

    async def handler(*_: Any) -> None:
        if len(waiting) < 2:
            waiting.append(asyncio.Event())
            loops.append(asyncio.get_running_loop())
            await waiting[-1].wait()

    def let_both_end() -> None:
        for one in waiting:
            one.set()

    loops: list[asyncio.AbstractEventLoop] = []
    async with engine(handler, slots=2, poll_interval_sec=LONG) as worker:
        worker.manager.consumer.listening = True  # so that a worker waits for doorbells
        await settled(worker)
        ids = [await worker.submit() for _ in range(3)]
        due = CLOCK.now() + timedelta(seconds=0.15)
        ids.append(await worker.submit(run_at=due))
        await worker.look()
        for job_id in ids[:2]:
            await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        await asyncio.sleep(0.2)  # the full worker has not noticed yet that the job is due
        loops[0].call_soon_threadsafe(let_both_end)
        async with asyncio.timeout(LONG / 3):
            for job_id in ids:
                await worker.ended(job_id)
