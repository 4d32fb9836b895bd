"""Handlers that block or do not stop: their slots are freed, their loop is replaced."""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from support.engine_harness import engine

from secretary_common.errors import ErrorCode, SecretaryError, StaleClaim
from secretary_common.models import Job, JobProgress, JobStatus, new_token
from secretary_worker import ResourceCalculator, SecretaryJobRepository

PATIENCE_SEC = 0.3


class Blocker:
    """A handler that blocks its loop until ``release`` is set, except for jobs with ``quick``."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.threads: list[int] = []
        self.blocking = threading.Event()

    async def handle(self, job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
        self.threads.append(threading.get_ident())
        if not job.parameters.get("quick"):
            self.blocking.set()
            self.block()

    def block(self) -> None:
        self.release.wait()


@pytest.fixture
def blocker() -> Iterator[Blocker]:
    made = Blocker()
    yield made
    made.release.set()


async def block(worker: Any, blocker: Blocker, **fields: Any) -> str:
    """Submit a job and wait until it blocks the handlers' loop."""
    job_id: str = await worker.submit(**fields)
    await worker.until(job_id, lambda _: blocker.blocking.is_set())
    return job_id


async def test_all_handlers_share_one_loop_while_it_answers(blocker: Blocker) -> None:
    async with engine(blocker.handle, patience_sec=PATIENCE_SEC) as worker:
        for _ in range(3):
            await worker.ended(await worker.submit(parameters={"quick": True}))
    assert len(set(blocker.threads)) == 1


async def test_a_job_starts_in_a_new_loop_while_the_old_one_is_blocked(
    blocker: Blocker, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine(blocker.handle, patience_sec=PATIENCE_SEC) as worker:
        blocked = await block(worker, blocker)
        for _ in range(2):
            await worker.ended(await worker.submit(parameters={"quick": True}))
        assert len(set(blocker.threads)) == 2
        assert worker.jobs.jobs[blocked].status is JobStatus.PROCESSING
        blocker.release.set()
        assert (await worker.ended(blocked)).status is JobStatus.COMPLETED
    (warning,) = [line for line in caplog.records if line.msg == "handler_loop.replaced"]
    stack = warning.__dict__["fields"]["blocked_at"]
    assert "in block\n" in stack
    assert "self.release.wait()" in stack


async def test_jobs_claimed_together_with_one_that_blocks_start_in_a_new_loop(
    blocker: Blocker,
) -> None:
    async with engine(blocker.handle, patience_sec=PATIENCE_SEC, poll_interval_sec=30) as worker:
        await worker.submit()
        quick = [await worker.submit(parameters={"quick": True}) for _ in range(2)]
        await worker.look()
        for job_id in quick:
            assert (await worker.ended(job_id)).attempt == 1
        blocker.release.set()


async def test_a_job_that_moved_to_a_new_loop_leaves_nothing_in_the_old_one(
    blocker: Blocker, caplog: pytest.LogCaptureFixture
) -> None:
    moved_blocks, release_moved = threading.Event(), threading.Event()

    async def handler(
        job: Job, repo: SecretaryJobRepository, calculator: ResourceCalculator
    ) -> None:
        if job.parameters.get("moves"):
            moved_blocks.set()
            release_moved.wait()
        else:
            await blocker.handle(job, repo, calculator)

    async with engine(handler, patience_sec=PATIENCE_SEC) as worker:
        blocked = await block(worker, blocker)
        moved = await worker.submit(parameters={"moves": True})
        await worker.until(moved, lambda _: moved_blocks.is_set())
        blocker.release.set()
        await worker.ended(blocked)  # the old loop goes on while the job that moved is in a step
        release_moved.set()
        assert (await worker.ended(moved)).attempt == 1
    assert [line.getMessage() for line in caplog.records if line.name == "asyncio"] == []


@pytest.mark.parametrize("where", ["in a call", "in Python"])
async def test_a_handler_that_blocks_for_ever_is_left_behind_at_its_timeout(
    blocker: Blocker, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("secretary_worker.engine.runner.GRACE_SEC", 0.2)

    def spin() -> None:
        while not blocker.release.is_set():
            pass

    if where == "in Python":
        monkeypatch.setattr(blocker, "block", spin)
    async with engine(blocker.handle, slots=1, patience_sec=PATIENCE_SEC) as worker:
        blocked = await block(worker, blocker, timeout_sec=0.3, max_attempts=1)
        job = await worker.ended(blocked)
        assert (job.status, job.error and job.error.code) == (
            JobStatus.FAILED,
            ErrorCode.JOB_TIMEOUT,
        )
        quick = await worker.submit(parameters={"quick": True})
        assert (await worker.ended(quick)).status is JobStatus.COMPLETED
        blocker.release.set()


async def test_a_handler_that_blocks_is_cancelled_and_its_slot_free_within_two_seconds(
    blocker: Blocker,
) -> None:
    async with engine(blocker.handle, slots=1, heartbeat_sec=0.1) as worker:
        job_id = await block(worker, blocker)
        held = worker.jobs.jobs[job_id]
        worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})
        requested_at = time.monotonic()
        assert (await worker.ended(job_id)).status is JobStatus.CANCELLED
        assert time.monotonic() - requested_at < 2 + 1  # and a second for a busy machine
        quick = await worker.submit(parameters={"quick": True})
        await worker.ended(quick)
        blocker.release.set()


async def test_a_handler_whose_loop_another_one_blocks_times_out_too(
    blocker: Blocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secretary_worker.engine.runner.GRACE_SEC", 0.2)
    asleep = threading.Event()

    async def handler(
        job: Job, repo: SecretaryJobRepository, calculator: ResourceCalculator
    ) -> None:
        if job.parameters.get("sleeps"):
            asleep.set()
            await asyncio.sleep(60)
        await blocker.handle(job, repo, calculator)

    async with engine(handler, patience_sec=PATIENCE_SEC) as worker:
        caught = await worker.submit(parameters={"sleeps": True}, timeout_sec=0.5, max_attempts=1)
        await worker.until(caught, lambda _: asleep.is_set())
        blocked = await block(worker, blocker)
        job = await worker.ended(caught)
        assert job.error is not None
        assert job.error.code == ErrorCode.JOB_TIMEOUT
        assert worker.jobs.jobs[blocked].status is JobStatus.PROCESSING
        blocker.release.set()


async def test_a_handler_whose_loop_was_blocked_goes_on_when_it_is_free(
    blocker: Blocker,
) -> None:
    waiting = threading.Event()

    async def handler(
        job: Job, repo: SecretaryJobRepository, calculator: ResourceCalculator
    ) -> None:
        if job.parameters.get("waits"):
            waiting.set()
            await asyncio.sleep(0.5)
        await blocker.handle(job, repo, calculator)

    async with engine(handler, patience_sec=PATIENCE_SEC) as worker:
        caught = await worker.submit(parameters={"waits": True, "quick": True})
        await worker.until(caught, lambda _: waiting.is_set())
        blocked = await block(worker, blocker)
        await worker.ended(await worker.submit(parameters={"quick": True}))  # in a new loop
        blocker.release.set()
        for job_id in (caught, blocked):
            job = await worker.ended(job_id)
            assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_job_cancelled_before_its_loop_begins_it_never_begins(
    blocker: Blocker,
) -> None:
    async with engine(blocker.handle, heartbeat_sec=0.05, patience_sec=60) as worker:
        await block(worker, blocker)
        job_id = await worker.submit(parameters={"quick": True})
        held = await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})
        assert (await worker.ended(job_id)).status is JobStatus.CANCELLED
        blocker.release.set()
    assert len(blocker.threads) == 1


async def test_a_handler_that_ignores_cancellation_is_left_behind_and_writes_nothing() -> None:
    release = threading.Event()
    wrote: list[str] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        while not release.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                wrote.append("ignored")
        await repo.update_job_results(job.job_id, {"late": True})
        await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
        wrote.append("late")

    async with engine(handler, slots=1, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit()
        held = await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})
        cancelled = await worker.ended(job_id)
        await worker.until(job_id, lambda _: worker.manager.free_slots == 1)
        release.set()
        await worker.until(job_id, lambda _: wrote[-1] == "late")
        assert worker.jobs.jobs[job_id] == cancelled
    assert wrote == ["ignored", "late"]


def write_from_here(repo: SecretaryJobRepository, job_id: str, kind: str) -> type[Exception] | None:
    """Return what awaiting a write of *kind* raises in another loop."""
    calls: dict[str, Callable[[], Awaitable[None]]] = {
        "progress": lambda: repo.update_job_progress(job_id, JobProgress(step="late")),
        "log": lambda: repo.add_log_entry(job_id, "info", "late"),
        "results": lambda: repo.update_job_results(job_id, {"late": True}),
        "status": lambda: repo.update_job_status(job_id, JobStatus.COMPLETED),
    }

    async def write() -> None:
        await calls[kind]()

    try:
        asyncio.run(write())
    except SecretaryError as error:
        return type(error)
    return None


async def test_after_a_lost_lease_every_write_is_refused_in_threads_too() -> None:
    kinds = ["progress", "log", "results", "status", "progress"]
    answers: list[type[Exception] | None] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            answers.extend(
                [await asyncio.to_thread(write_from_here, repo, job.job_id, kind) for kind in kinds]
            )

    async with engine(handler, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit()
        held = await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        assert held.lease is not None
        thief = held.lease.model_copy(update={"owner": "thief", "token": new_token()})
        worker.jobs.jobs[job_id] = stolen = held.model_copy(update={"lease": thief})
        await worker.until(job_id, lambda _: not worker.manager.running)
        assert worker.jobs.jobs[job_id] == stolen
        assert worker.logs.entries == {}
    assert answers == [StaleClaim] * len(kinds)


async def test_a_handler_that_exits_ends_its_job_and_nothing_else() -> None:
    async def handler(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
        if not job.parameters:
            sys.exit("enough")

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit(max_attempts=1))
        assert job.error is not None
        assert job.error.message == "SystemExit: enough"
        after = await worker.ended(await worker.submit(parameters={"exits": False}))
        assert after.status is JobStatus.COMPLETED


async def test_a_handler_that_stops_its_loop_cancels_no_other_handler() -> None:
    began = asyncio.Event()

    async def handle(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
        if job.parameters.get("stops"):
            asyncio.get_running_loop().stop()
        else:
            began.set()
        await asyncio.sleep(0.2)

    async with engine(handle) as worker:
        beside = await worker.submit()
        await worker.until(beside, lambda _: began.is_set())
        stopper = await worker.submit(parameters={"stops": True})
        for job_id in (beside, stopper):
            assert (await worker.ended(job_id)).status is JobStatus.COMPLETED
            assert worker.jobs.jobs[job_id].attempt == 1


async def test_closing_does_not_wait_for_a_loop_that_is_blocked(blocker: Blocker) -> None:
    async with engine(blocker.handle) as worker:
        await block(worker, blocker)
        assert not worker.handler_loop.close(0.2)
        blocker.release.set()
        assert worker.handler_loop.close(5)
