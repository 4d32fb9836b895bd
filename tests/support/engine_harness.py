"""The worker's real engine with in-memory repositories, for tests without servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr

from secretary_common.models import Job, JobStatus, JobTypeInfo, Webhook, new_job_id
from secretary_common.ports import Doorbell
from secretary_common.runtime.clock import SystemClock
from secretary_common.runtime.lifecycle import running
from secretary_common.secrets.cipher import Cipher
from secretary_common.testing.announcements import InMemoryJobTypeRepository
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.doorbell import RecordingDoorbell
from secretary_common.testing.files import InMemoryFileRepository
from secretary_common.testing.jobs import InMemoryJobRepository, InMemoryLogRepository
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.upload import Uploads
from secretary_worker.attempt.files import WriteToTarget
from secretary_worker.engine.fitness import Fitness
from secretary_worker.engine.handler_loop import HandlerLoop
from secretary_worker.engine.leases import Leases
from secretary_worker.engine.manager import SecretaryWorkerManager
from secretary_worker.registry import Handler, Registration, Registry
from secretary_worker.wiring import EnginePorts, EngineTerms, build_engine

CLOCK = SystemClock()
CIPHER = Cipher([SecretStr(Fernet.generate_key().decode())])
DEADLINE_SEC = 30.0
RETENTION = timedelta(days=1)
MAX_LOST_LEASES = 10
MAX_FILE_BYTES = 1024 * 1024


async def _pong() -> None:
    """Answer, as MongoDB does."""


@dataclass
class Engine:
    """One worker and its store."""

    jobs: InMemoryJobRepository
    logs: InMemoryLogRepository
    files: InMemoryFileRepository
    doorbell: RecordingDoorbell
    leases: Leases
    manager: SecretaryWorkerManager
    job_types: InMemoryJobTypeRepository
    handler_loop: HandlerLoop

    async def submit(self, **fields: Any) -> str:
        """Store a job of type ``test``, as the API does; return its id."""
        now = CLOCK.now()
        given: dict[str, Any] = {
            "job_id": new_job_id(),
            "job_type": "test",
            "owner": "key-1",
            **dict.fromkeys(("run_at", "created_at", "updated_at"), now),
            "webhook": Webhook(url="https://example.com/hook"),
        }
        job = Job.model_validate({**given, **fields})
        await self.jobs.insert(job)
        return job.job_id

    async def until(self, job_id: str, holds: Callable[[Job], bool]) -> Job:
        """Return the job once *holds* is true for it."""
        async with asyncio.timeout(DEADLINE_SEC):
            while True:
                job = await self.jobs.get(job_id)
                if job and holds(job):
                    return job
                await asyncio.sleep(0.01)

    async def look(self) -> None:
        """Make the worker look for jobs now, by a shared doorbell for a job that does not exist."""
        (job_type,) = self.job_types.types
        await self.manager.doorbells.answer_shared(job_type, "job-unknown")

    async def ended(self, job_id: str) -> Job:
        """Return the job once it has ended."""
        return await self.until(
            job_id, lambda job: job.status not in (JobStatus.PENDING, JobStatus.PROCESSING)
        )


@contextlib.asynccontextmanager
async def engine(
    handler: Handler,
    *,
    jobs: InMemoryJobRepository | None = None,
    logs: InMemoryLogRepository | None = None,
    files: InMemoryFileRepository | None = None,
    slots: int = 3,
    poll_interval_sec: float = 0.05,
    lease_sec: float = 30.0,
    heartbeat_sec: float = 10.0,
    drain_sec: float = 5.0,
    timeout_sec: float | None = None,
    params: type[BaseModel] | None = None,
    patience_sec: float = 5.0,
    broker_url: str = "",
    doorbell: Doorbell | None = None,
    job_type: str = "test",
    ping: Callable[[], Awaitable[None]] = _pong,
    fitness: Fitness | None = None,
    keys: InMemoryKeyRepository | None = None,
    guest_slot: bool = True,
    write_to_target: WriteToTarget | None = None,
) -> AsyncIterator[Engine]:
    """Run a worker with *handler* for *job_type*; drain it at the end."""
    jobs = jobs or InMemoryJobRepository()
    logs, files = logs or InMemoryLogRepository(), files or InMemoryFileRepository()
    recorder = RecordingDoorbell()
    doorbell = doorbell or recorder
    keys = keys or InMemoryKeyRepository()
    job_types = InMemoryJobTypeRepository(JobTypeInfo(job_type))
    registry = Registry()
    registry.add(Registration(job_type, handler, params, timeout_sec))
    built = build_engine(
        EnginePorts(
            jobs=jobs,
            logs=logs,
            files=files,
            job_types=job_types,
            keys=keys,
            doorbell=doorbell,
            clock=CLOCK,
            confirm=ping,
            uploads=Uploads(files, keys, Bridge()),
            cipher=CIPHER,
            write_to_target=write_to_target,
        ),
        EngineTerms(
            slots=slots,
            poll_interval_sec=poll_interval_sec,
            lease_sec=lease_sec,
            heartbeat_sec=heartbeat_sec,
            drain_sec=drain_sec,
            retention=RETENTION,
            max_lost_leases=MAX_LOST_LEASES,
            max_file_bytes=MAX_FILE_BYTES,
            guest_slot=guest_slot,
            broker_url=broker_url,
            patience_sec=patience_sec,
        ),
        registry,
        fitness or Fitness({}),
    )
    working = asyncio.create_task(built.manager.run())
    try:
        async with running(built.leases.run(), built.fitness.run()):
            yield Engine(
                jobs,
                logs,
                files,
                recorder,
                built.leases,
                built.manager,
                job_types,
                built.handler_loop,
            )
            built.manager.stop()
            await working
            await built.background.finish()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        built.handler_loop.close(5.0)
