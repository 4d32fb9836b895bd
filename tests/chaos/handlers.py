"""The handlers of the chaos jobs; workers load them as a user's handlers (``handler_modules``).

Each execution logs its start and its end (``execution_log.py``) and puts a nonce into its results.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from chaos import execution_log
from chaos.plan import DOOMED, FLAKY
from pydantic import BaseModel, ConfigDict

from secretary_common.errors import PermanentError, TransientError
from secretary_common.models import Job, JobProgress, JobStatus
from secretary_worker import (
    AnswerLimits,
    ProcessLimits,
    ResourceCalculator,
    Sandbox,
    SecretaryJobRepository,
    ZygoteClient,
    register,
)

STEP_SEC = 0.2
FILE_PIECES = 16
PIECE = b"\0" * 65536
SANDBOX = Sandbox(
    ZygoteClient("chaos.child"),
    ProcessLimits(2**30, cpu_sec=30),
    AnswerLimits(timeout_sec=300, silence_sec=300),
)


class ChaosParams(BaseModel):
    """The parameters of a chaos job."""

    model_config = ConfigDict(extra="forbid")

    number: int
    """Returned in the results."""
    seconds: float = 0.0
    sets_status: bool = False
    """Whether the handler sets the status ``completed`` itself."""


Work = Callable[[Job, SecretaryJobRepository, float], Awaitable[None]]


async def quick(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Do nothing but yield to the event loop."""
    await asyncio.sleep(0)


async def steady(job: Job, repo: SecretaryJobRepository, seconds: float) -> None:
    """Sleep in steps and report progress, with the number of the attempt."""
    steps = max(1, int(seconds / STEP_SEC))
    for step in range(steps):
        progress = JobProgress(
            step="steady", percent=100 * step // steps, message=f"attempt {job.attempt}"
        )
        repo.update_job_progress(job.job_id, progress)
        await asyncio.sleep(seconds / steps)


async def flaky(job: Job, _repo: SecretaryJobRepository, seconds: float) -> None:
    """Fail in the first attempt that counts, succeed in the next."""
    await asyncio.sleep(seconds)
    if job.counted_attempts == 1:
        raise TransientError("not yet", code=FLAKY, retry_after=0.5)


async def doomed(_job: Job, _repo: SecretaryJobRepository, seconds: float) -> None:
    """Fail permanently."""
    await asyncio.sleep(seconds)
    raise PermanentError("never", code=DOOMED)


async def blocking(_job: Job, _repo: SecretaryJobRepository, seconds: float) -> None:
    """Block the handlers' event loop, as faulty code does."""
    time.sleep(seconds)  # noqa: ASYNC251 - it blocks on purpose


async def overdue(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Run longer than any ``timeout_sec``."""
    await asyncio.sleep(3600)


async def filing(job: Job, repo: SecretaryJobRepository, _seconds: float) -> None:
    """Store a file of 1 MB, which the worker collects in its temporary folder."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(FILE_PIECES):
            yield PIECE

    await repo.add_file(job.job_id, "zeros.bin", pieces())


async def parsing(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Ask a child process one question, which no other child gets."""
    answers: list[dict[str, Any]] = []
    question = uuid.uuid4().hex
    async with SANDBOX.child([]) as child:
        await child.ask({"question": question}, answers.append)
    if answers != [{"answer": question}]:
        raise PermanentError(f"the child {child.pid} answered {answers}")


async def lethal(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Kill the worker, as a job does that uses all memory."""
    execution_log.note(execution_log.WORKER_KILLED, "")
    os.kill(os.getpid(), signal.SIGKILL)


async def freezing(_job: Job, _repo: SecretaryJobRepository, _seconds: float) -> None:
    """Hold the interpreter for hours, as a regular expression may; only the watchdog ends it."""
    execution_log.note(execution_log.WORKER_KILLED, "")
    sum(range(10**14))


async def _execute(job: Job, repo: SecretaryJobRepository, work: Work) -> None:
    params = ChaosParams.model_validate(job.parameters)
    nonce = secrets.token_hex(8)
    execution_log.note(
        execution_log.STARTED, nonce, job_id=job.job_id, run=job.run, attempt=job.attempt
    )
    ending = "completed"
    try:
        await work(job, repo, params.seconds)
        results = {"number": params.number, "run": job.run, "attempt": job.attempt, "nonce": nonce}
        repo.update_job_results(job.job_id, results)
        if params.sets_status:
            await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
    except BaseException as error:
        ending = type(error).__name__
        raise
    finally:
        execution_log.note(execution_log.ENDED, nonce, ending=ending)


def _handler(work: Work) -> Callable[..., Awaitable[None]]:
    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await _execute(job, repo, work)

    return handle


execution_log.opened()
for each in (
    *(quick, steady, flaky, doomed, blocking, overdue),
    *(filing, parsing, lethal, freezing),
):
    register(f"chaos-{each.__name__}", _handler(each), params=ChaosParams)
