"""The report of a worker, and when a worker counts as stuck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from support.engine_harness import CLOCK, engine
from support.engine_parts import make_heartbeat

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, RunningJob, WorkerReport
from secretary_common.runtime.lifecycle import running
from secretary_common.testing.processes import InMemoryWorkerRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.engine import manager
from secretary_worker.engine.heartbeat import (
    ALONE,
    HEARTBEATS,
    PLACE_SEC,
    Heartbeat,
    LivingWorkers,
    Place,
    WorkerState,
)

HEARTBEAT_SEC = 0.2


class Workers(InMemoryWorkerRepository):
    """A store of reports that may not answer."""

    answers = True
    count = 0

    async def report(self, report: WorkerReport) -> None:
        if not self.answers:
            raise StoreUnavailable
        self.count += 1
        await super().report(report)

    async def forget(self, worker_id: str) -> None:
        if not self.answers:
            raise StoreUnavailable
        await super().forget(worker_id)


def heartbeat(workers: Workers, state: Callable[[], WorkerState]) -> Heartbeat:
    return make_heartbeat(workers, state, job_types=["b", "a"], heartbeat_sec=HEARTBEAT_SEC)


@asynccontextmanager
async def reporting(workers: Workers, jobs: list[RunningJob]) -> AsyncIterator[None]:
    async with running(
        heartbeat(workers, lambda: WorkerState(list(jobs), listening=True, unfit={})).run()
    ):
        yield


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def test_a_worker_reports_what_it_runs_with_each_heartbeat() -> None:
    workers, jobs = Workers(), [RunningJob(job_id="job-1", owner="key-1")]
    async with reporting(workers, jobs):
        await until(lambda: workers.count >= 3)
        report = workers.reports["w1"]
        assert (report.job_types, report.slots, report.active) == (["a", "b"], 3, True)
        assert (report.running, report.listening) == (jobs, True)
        lives_for = (report.alive_until - report.seen_at).total_seconds()
        assert lives_for == pytest.approx(HEARTBEATS * HEARTBEAT_SEC)
        jobs.clear()
        await until(lambda: workers.reports["w1"].running == [])


async def test_a_clean_stop_removes_the_report() -> None:
    workers = Workers()
    async with reporting(workers, []):
        await until(lambda: bool(workers.reports))
    assert workers.reports == {}


async def test_an_outage_of_the_store_ends_no_worker() -> None:
    workers = Workers()
    async with reporting(workers, []):
        workers.answers = False
        await asyncio.sleep(2 * HEARTBEAT_SEC)
        workers.answers = True
        await until(lambda: bool(workers.reports))
        workers.answers = False  # also not when the report is removed


async def test_a_manager_whose_turns_have_stopped_is_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        """Returns at once."""

    async with engine(nothing, poll_interval_sec=0.05) as worker:
        await worker.ended(await worker.submit())
        assert not worker.manager.is_stuck
        monkeypatch.setattr(manager, "STUCK_SEC", 0.2)
        never = asyncio.Event()

        async def hang(*_: object) -> None:
            await never.wait()

        monkeypatch.setattr(worker.jobs, "next_due", hang)
        await until(lambda: worker.manager.is_stuck)
        monkeypatch.undo()
        never.set()


async def test_one_reclaim_handles_every_expired_lease() -> None:
    async def nothing(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        """Returns at once."""

    lease = {"owner": "ghost", "token": "boo", "expires_at": CLOCK.now()}
    async with engine(nothing, slots=200, poll_interval_sec=30, heartbeat_sec=1.0) as worker:
        ids = [
            await worker.submit(status="processing", attempt=1, seq=1, lease=lease)
            for _ in range(120)  # more than two pages
        ]
        await until(lambda: worker.leases.may_reclaim)
        await worker.look()
        for job_id in ids:
            assert (await worker.ended(job_id)).attempt == 2


async def test_a_worker_finds_its_place_among_the_workers_that_claim_its_types() -> None:
    workers, now = InMemoryWorkerRepository(), 0.0
    places = [
        LivingWorkers(workers, CLOCK, worker_id=name, job_types=["a"], monotonic=lambda: now)
        for name in ("w1", "w2", "w3")
    ]
    assert [await each.place() for each in places] == [ALONE] * 3
    now += 2 * PLACE_SEC
    for name, job_types, active in (("w1", "a", True), ("w2", "b", True), ("w3", "ab", True)):
        await report_of(workers, name, list(job_types), active=active)
    await report_of(workers, "w4", ["a"], active=False)
    assert [await each.place() for each in places] == [Place(0, 2), ALONE, Place(1, 2)]


async def report_of(
    workers: InMemoryWorkerRepository, worker_id: str, job_types: list[str], *, active: bool
) -> None:
    state = WorkerState([], listening=True, unfit={})
    reporter = make_heartbeat(
        workers, lambda: state, worker_id=worker_id, job_types=job_types, active=active
    )
    await reporter._report(state)
