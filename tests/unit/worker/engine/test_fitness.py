"""A worker that lacks something takes no jobs until it has it again."""

import asyncio
import errno
from pathlib import Path

import pytest
from support.engine_harness import engine

from secretary_common.errors import ErrorCode, Lack, PermanentError, WorkerUnfit
from secretary_common.models import Job, JobStatus
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.attempt.verdict import AT_ONCE, OTHERWISE_AFTER
from secretary_worker.engine.fitness import (
    FIRST_PAUSE_SEC,
    Fitness,
    probe_file_roots,
    probe_processes,
    probe_temporary_files,
)


class Scene:
    """A worker that lacks processes while ``lacking``."""

    def __init__(self) -> None:
        self.lacking = True
        self.seconds = 0.0
        self.fitness = Fitness(
            {Lack.PROCESSES: self.probe}, monotonic=lambda: self.seconds, jitter=lambda: 0.0
        )

    def probe(self) -> None:
        if self.lacking:
            raise OSError(errno.EAGAIN, "no process")


async def test_a_worker_is_fit_again_when_its_probe_succeeds() -> None:
    scene = Scene()
    scene.fitness.report(Lack.PROCESSES, "cannot fork")
    assert scene.fitness.lacks == {"processes": "cannot fork"}
    await scene.fitness.probe()
    assert not scene.fitness.is_fit
    scene.lacking = False
    await scene.fitness.probe()
    assert scene.fitness.is_fit


async def test_a_worker_may_be_unfit_for_days() -> None:
    fitness = Scene().fitness
    for _ in range(2000):
        fitness.report(Lack.PROCESSES, "cannot fork")
    assert not fitness.is_fit


async def test_a_lack_without_a_probe_ends_with_its_pause() -> None:
    fitness = Scene().fitness
    fitness.report(Lack.ENCRYPTION_KEY, "another key")
    await fitness.probe()
    assert fitness.is_fit


async def test_a_worker_whose_jobs_do_not_work_pauses_for_longer_and_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_worker.engine.fitness.CHECK_SEC", 0.0)
    scene = Scene()
    pauses = []
    async with asyncio.timeout(5):
        running = asyncio.create_task(scene.fitness.run())
        for _ in range(4):
            scene.fitness.report(Lack.ENCRYPTION_KEY, "another key")
            started = scene.seconds
            while not scene.fitness.is_fit:
                scene.seconds += 0.25
                await asyncio.sleep(0.001)
            pauses.append(round(scene.seconds - started))
        running.cancel()
    assert pauses == [1, 2, 4, 8]
    scene.fitness.record_work()
    scene.fitness.report(Lack.ENCRYPTION_KEY, "another key")
    assert FIRST_PAUSE_SEC == 1.0


def test_a_healthy_worker_passes_its_probes(tmp_path: Path) -> None:
    probe_processes()
    probe_temporary_files()
    probe_file_roots([tmp_path])
    with pytest.raises(FileNotFoundError):
        probe_file_roots([tmp_path / "missing"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WorkerUnfit(Lack.PROCESSES, "cannot fork"), ErrorCode.WORKER_UNFIT),
        (OSError(errno.EMFILE, "Too many open files"), ErrorCode.WORKER_UNFIT),
        (OSError(errno.ENOSPC, "No space left on device"), ErrorCode.NO_ROOM),
        (
            OSError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/']"),
            ErrorCode.WORKER_UNFIT,
        ),
        (ExceptionGroup("g", [ValueError(), WorkerUnfit(Lack.ROOM)]), ErrorCode.WORKER_UNFIT),
    ],
    ids=["unfit", "descriptors", "room", "no folder", "group"],
)
async def test_an_unfit_worker_hands_the_job_back_at_no_attempt(
    error: Exception, code: str
) -> None:
    async def handler(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
        if job.attempt == 1:
            raise error

    async with engine(handler) as worker:
        job_id = await worker.submit(max_attempts=1)
        waiting = await worker.until(job_id, lambda job: job.unfit_workers == 1)
        assert waiting.error is not None
        assert waiting.error.code == code
        assert worker.manager.free_slots == 0
        job = await worker.ended(job_id)
    assert (job.status, job.attempt, job.counted_attempts) == (JobStatus.COMPLETED, 2, 1)


async def raise_otherwise(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    missing = PermanentError("no such file", code=ErrorCode.FILE_NOT_FOUND)
    raise WorkerUnfit(Lack.FILE_ROOTS, "the folder is empty", otherwise=missing)


async def test_a_job_that_many_unfit_workers_handed_back_waits() -> None:
    async with engine(raise_otherwise) as worker:
        job_id = await worker.submit(unfit_workers=AT_ONCE)
        job = await worker.until(job_id, lambda job: job.unfit_workers == AT_ONCE + 1)
    assert 4 < (job.run_at - job.updated_at).total_seconds() < 7


async def test_in_the_end_the_fault_is_the_jobs() -> None:
    async with engine(raise_otherwise) as worker:
        job = await worker.ended(await worker.submit(unfit_workers=OTHERWISE_AFTER))
    assert job.error is not None
    assert job.error.code == ErrorCode.FILE_NOT_FOUND
