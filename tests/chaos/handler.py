"""The handlers of the chaos run, given to workers as a user gives theirs (``handler_modules``).

Each execution notes its start and its end (``record.py``) and signs its results with a nonce.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable

from chaos import record
from chaos.plan import DOOMED, FLAKY
from pydantic import BaseModel, ConfigDict

from secretary_common.errors import PermanentError, TransientError
from secretary_common.models import Job, JobProgress, JobStatus
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register

STEP_SEC = 0.2


class ChaosParams(BaseModel):
    """What a job is told."""

    model_config = ConfigDict(extra="forbid")

    number: int
    """Comes back in the results."""
    seconds: float = 0.0
    ends_itself: bool = False
    """Set the status and wait for it, instead of returning."""


Work = Callable[[Job, SecretaryJobRepository, float], Awaitable[None]]


async def quick(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Nothing but a turn of the loop."""
    await asyncio.sleep(0)


async def steady(job: Job, repo: SecretaryJobRepository, seconds: float) -> None:
    """Sleep in steps and tell how far it is, and in which attempt."""
    steps = max(1, int(seconds / STEP_SEC))
    for step in range(steps):
        progress = JobProgress(
            step="steady", percent=100 * step // steps, message=f"attempt {job.attempt}"
        )
        repo.update_job_progress(job.job_id, progress)
        await asyncio.sleep(seconds / steps)


async def flaky(job: Job, _repo: SecretaryJobRepository, seconds: float) -> None:
    """Fail in the first attempt that counts, and in no other."""
    await asyncio.sleep(seconds)
    if job.counted_attempts == 1:
        raise TransientError("not yet", code=FLAKY, retry_after=0.5)


async def doomed(_job: Job, _repo: SecretaryJobRepository, seconds: float) -> None:
    """Fail for good."""
    await asyncio.sleep(seconds)
    raise PermanentError("never", code=DOOMED)


async def blocking(_job: Job, _repo: SecretaryJobRepository, seconds: float) -> None:
    """Block the handlers' event loop, as careless code does."""
    time.sleep(seconds)  # noqa: ASYNC251 - that is the point


async def overdue(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Take longer than any ``timeout_sec``."""
    await asyncio.sleep(3600)


async def lethal(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Kill the worker, as a job that eats all memory does."""
    record.note(record.SUICIDE, "")
    os.kill(os.getpid(), signal.SIGKILL)


async def _execute(job: Job, repo: SecretaryJobRepository, work: Work) -> None:
    params = ChaosParams.model_validate(job.parameters)
    nonce = secrets.token_hex(8)
    record.note(record.STARTED, nonce, job_id=job.job_id, run=job.run, attempt=job.attempt)
    ending = "completed"
    try:
        await work(job, repo, params.seconds)
        results = {"number": params.number, "run": job.run, "attempt": job.attempt, "nonce": nonce}
        repo.update_job_results(job.job_id, results)
        if params.ends_itself:
            await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
    except BaseException as error:
        ending = type(error).__name__
        raise
    finally:
        record.note(record.ENDED, nonce, ending=ending)


def _handler(work: Work) -> Callable[..., Awaitable[None]]:
    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await _execute(job, repo, work)

    return handle


for each in (quick, steady, flaky, doomed, blocking, overdue, lethal):
    register(f"chaos-{each.__name__}", _handler(each), params=ChaosParams)
