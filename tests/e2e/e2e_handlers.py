"""Handlers for the end-to-end tests, in a module that ``worker.handler_modules`` names."""

import asyncio
import ctypes
import hashlib
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from secretary_common.models import Job, JobProgress, JobStatus
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register


class NapParams(BaseModel):
    """How long to sleep, in seconds."""

    model_config = ConfigDict(extra="forbid")

    seconds: float
    seconds_again: float | None = None
    """How long attempts after the first sleep, if not as long as the first."""


async def handle_nap(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """Sleep in steps and report progress."""
    params = NapParams.model_validate(job.parameters)
    seconds = params.seconds
    if job.attempt > 1 and params.seconds_again is not None:
        seconds = params.seconds_again
    steps = max(1, min(20, int(seconds / 0.25)))
    for step in range(steps):
        percent = 100 * step // steps
        repo.update_job_progress(job.job_id, JobProgress(step="napping", percent=percent))
        await asyncio.sleep(seconds / steps)
    resource_calculator.add_compute_seconds(seconds)
    repo.update_job_results(job.job_id, {"slept": seconds, "attempt": job.attempt})


class MeasureParams(BaseModel):
    """The upload to measure."""

    file_id: str = Field(json_schema_extra={"format": "upload"})


async def handle_measure(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """Return name, size and digest of an upload."""
    params = MeasureParams.model_validate(job.parameters)
    async with repo.open_upload(params.file_id) as upload:
        found = await asyncio.to_thread(hashlib.file_digest, upload.file, "sha256")
    results = {"name": upload.name, "size": upload.size, "sha256": found.hexdigest()}
    repo.update_job_results(job.job_id, results)


def process_custom(params: dict[str, Any]) -> str:
    """A function of the user."""
    return str(params["input"])[::-1]


async def handle_custom_job(job: Job, repo: Any, resource_calculator: ResourceCalculator) -> None:
    """A handler in the style of older code."""
    # Update progress
    repo.update_job_progress(
        job.job_id,
        JobProgress(step="processing", percent=0),
    )

    # Process job
    params = job.parameters
    result = process_custom(params)

    # Store results
    repo.update_job_results(
        job.job_id,
        {"result": result},
    )

    # Mark as completed
    repo.update_job_status(
        job.job_id,
        JobStatus.COMPLETED,
    )


async def handle_stuck(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """Block the handlers' loop, and a thread for which the interpreter would wait."""
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, time.sleep, 600)
    time.sleep(600)  # noqa: ASYNC251 - the worker must survive it


async def handle_large(job: Job, repo: Any, resource_calculator: ResourceCalculator) -> None:
    """Store results of ``megabytes`` MB, and a file from each kind of source."""
    size = int(job.parameters["megabytes"] * 1_000_000)
    path = Path(tempfile.gettempdir()) / f"{job.job_id}.bin"
    path.write_bytes(b"0123456789" * (size // 10))
    await repo.add_file(job.job_id, "on-disk.bin", path)
    path.unlink()

    async def streamed() -> AsyncIterator[bytes]:
        for n in range(1000):
            yield f"line {n}\n".encode()

    await repo.add_file(job.job_id, "ü.txt", streamed(), "text/plain; charset=utf-8")
    await repo.update_job_results(job.job_id, {"text": "x" * size})


async def handle_chatty(job: Job, repo: Any, resource_calculator: ResourceCalculator) -> None:
    """Log ``lines`` lines as fast as possible."""
    for n in range(job.parameters["lines"]):
        level = "error" if n % 10_000 == 0 else "debug"
        repo.add_log_entry(job.job_id, level, f"line {n}")


async def handle_freeze(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """Keep the GIL for longer than any test lasts."""
    re.match(r"(a+)+$", "a" * 40 + "b")


async def handle_die(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """End the worker, as a crash of native code does."""
    ctypes.string_at(0)


async def handle_stop(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """Stop the worker, by a signal to the thread that runs the handler."""
    signal.raise_signal(signal.SIGSTOP)
    await asyncio.sleep(600)


register("stop", handle_stop)
register("freeze", handle_freeze)
register("die", handle_die)
register("measure", handle_measure, params=MeasureParams)
register("large", handle_large)
register("chatty", handle_chatty)
register("nap", handle_nap, params=NapParams)
register("hold", handle_nap, params=NapParams)
register("stuck", handle_stuck)
register("custom", handle_custom_job)
