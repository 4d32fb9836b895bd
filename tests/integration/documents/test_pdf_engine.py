"""The child process of a PDF is dead once its attempt is stopped, for any reason."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support import pdf_bombs
from support.engine_harness import Engine, engine
from support.handler_harness import child_pids
from support.pdf_harness import make_handler

from secretary_common.errors import ErrorCode
from secretary_common.models import JobStatus, new_token
from secretary_worker.sandbox.zygote_client import ZygoteClient

HEARTBEAT_SEC = 0.2


@pytest.fixture
def bomb(tmp_path: Path) -> str:
    """A document that takes forever to read."""
    path = tmp_path / "bomb.pdf"
    path.write_bytes(pdf_bombs.nested_forms())
    return str(path)


@asynccontextmanager
async def parsing(
    bomb: str, zygote: ZygoteClient, **fields: Any
) -> AsyncIterator[tuple[Engine, str]]:
    """Yield a worker whose child has begun to parse *bomb*, and the id of the job."""
    handler = make_handler(Path(bomb).parent, zygote)
    async with engine(handler, heartbeat_sec=HEARTBEAT_SEC, drain_sec=0) as worker:
        job_id = await worker.submit(parameters={"filename": bomb}, **fields)
        await worker.until(job_id, lambda _: bool(child_pids(zygote.pid)))
        yield worker, job_id


async def test_the_child_of_a_cancelled_job_is_dead_within_two_seconds_of_the_renewal(
    bomb: str,
    zygote: ZygoteClient,
) -> None:
    async with parsing(bomb, zygote) as (worker, job_id):
        held = worker.jobs.jobs[job_id]
        worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})
        asked_at = time.monotonic()
        job = await worker.ended(job_id)
        assert (job.status, job.attempt) == (JobStatus.CANCELLED, 1)
        assert child_pids(zygote.pid) == []
        assert time.monotonic() - asked_at < HEARTBEAT_SEC + 2 + 1  # a second for a busy machine


async def test_the_child_of_a_job_that_timed_out_is_dead(bomb: str, zygote: ZygoteClient) -> None:
    async with parsing(bomb, zygote, timeout_sec=2, max_attempts=1) as (worker, job_id):
        job = await worker.ended(job_id)
        assert job.error is not None
        assert job.error.code == ErrorCode.JOB_TIMEOUT
        assert child_pids(zygote.pid) == []


async def test_the_child_of_a_job_that_lost_its_lease_is_dead(
    bomb: str, zygote: ZygoteClient
) -> None:
    async with parsing(bomb, zygote) as (worker, job_id):
        held = worker.jobs.jobs[job_id]
        assert held.lease is not None
        thief = held.lease.model_copy(update={"owner": "thief", "token": new_token()})
        worker.jobs.jobs[job_id] = stolen = held.model_copy(update={"lease": thief})
        async with asyncio.timeout(10):
            while child_pids(zygote.pid):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.02)
        await worker.until(job_id, lambda _: not worker.manager.running)
        assert worker.jobs.jobs[job_id] == stolen


async def test_the_child_of_a_job_handed_back_is_dead(bomb: str, zygote: ZygoteClient) -> None:
    async with parsing(bomb, zygote) as (worker, job_id):
        pass  # the worker stops
    job = worker.jobs.jobs[job_id]
    assert (job.status, job.forgiven) == (JobStatus.PENDING, 1)
    assert child_pids(zygote.pid) == []


@pytest.mark.parametrize(
    ("max_attempts", "status"), [(2, JobStatus.PENDING), (1, JobStatus.FAILED)]
)
async def test_a_job_whose_child_is_killed_from_outside_is_retried_while_attempts_remain(
    bomb: str, zygote: ZygoteClient, max_attempts: int, status: JobStatus
) -> None:
    async with parsing(bomb, zygote, max_attempts=max_attempts) as (worker, job_id):
        await worker.until(
            job_id, lambda job: bool(job.progress and job.progress.step == "extracting_text")
        )
        [pid] = child_pids(zygote.pid)
        os.kill(pid, signal.SIGKILL)
        await worker.until(job_id, lambda job: job.lease is None)
        job = worker.jobs.jobs[job_id]
        assert (job.status, job.attempt) == (status, 1)
        assert job.error is not None
        assert (job.error.code, job.error.details) == (
            ErrorCode.PARSER_CRASHED,
            {"exit": "SIGKILL", "page": 1},
        )
