"""The worker's real engine over in-memory repositories, for tests without servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr

from secretary_common.broker.consumer import JobConsumer
from secretary_common.models import Job, JobStatus, JobTypeInfo, Webhook, new_job_id
from secretary_common.ports import Doorbell
from secretary_common.runtime.clock import SystemClock
from secretary_common.runtime.lifecycle import Background, running
from secretary_common.secrets.cipher import Cipher
from secretary_common.testing.announcements import InMemoryJobTypeRepository
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.doorbell import RecordingDoorbell
from secretary_common.testing.files import InMemoryFileRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_common.testing.logs import InMemoryLogRepository
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.upload import Uploads
from secretary_worker.engine.handler_loop import HandlerLoop
from secretary_worker.engine.leases import LeaseKeeper
from secretary_worker.engine.manager import SecretaryWorkerManager
from secretary_worker.engine.reclaim import Reclaimer
from secretary_worker.engine.runner import Runner
from secretary_worker.engine.startable_types import StartableTypes
from secretary_worker.registry import Handler, Registration, Registry

CLOCK = SystemClock()
CIPHER = Cipher([SecretStr(Fernet.generate_key().decode())])
DEADLINE_SEC = 30.0
RETENTION = timedelta(days=1)
MAX_FILE_BYTES = 1024 * 1024


async def _pong() -> None:
    """MongoDB answered."""


@dataclass
class Engine:
    """One worker, and the store it works on."""

    jobs: InMemoryJobRepository
    logs: InMemoryLogRepository
    files: InMemoryFileRepository
    doorbell: RecordingDoorbell
    keeper: LeaseKeeper
    manager: SecretaryWorkerManager
    job_types: InMemoryJobTypeRepository
    handler_loop: HandlerLoop

    async def submit(self, **fields: Any) -> str:
        """Put a job of type ``test`` into the store, as the API would."""
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
        """The job once *holds* is true of it."""
        async with asyncio.timeout(DEADLINE_SEC):
            while True:
                job = await self.jobs.get(job_id)
                if job and holds(job):
                    return job
                await asyncio.sleep(0.01)

    async def ended(self, job_id: str) -> Job:
        """The job once it is neither waiting nor running."""
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
) -> AsyncIterator[Engine]:
    """A running worker whose *job_type* is handled by *handler*; drained at the end."""
    jobs = jobs or InMemoryJobRepository()
    logs, files = logs or InMemoryLogRepository(), files or InMemoryFileRepository()
    recorder = RecordingDoorbell()
    doorbell = doorbell or recorder
    job_types = InMemoryJobTypeRepository(JobTypeInfo(job_type))
    registry = Registry()
    registry.add(Registration(job_type, handler, params, timeout_sec))
    keeper = LeaseKeeper(jobs, ping, CLOCK, lease_sec=lease_sec, heartbeat_sec=heartbeat_sec)
    background, loop = Background(), HandlerLoop(patience_sec=patience_sec)
    runner = Runner(
        jobs=jobs,
        logs=logs,
        files=files,
        doorbell=doorbell,
        keeper=keeper,
        registry=registry,
        loop=loop,
        clock=CLOCK,
        cipher=CIPHER,
        retention=RETENTION,
        uploads=Uploads(files, InMemoryKeyRepository(), Bridge()),
        max_file_bytes=MAX_FILE_BYTES,
        in_background=background.start,
    )
    manager = SecretaryWorkerManager(
        jobs,
        runner,
        Reclaimer(jobs, doorbell, CLOCK, retention=RETENTION, in_background=background.start),
        StartableTypes(registry.job_types, job_types),
        CLOCK,
        slots=slots,
        poll_interval_sec=poll_interval_sec,
        drain_sec=drain_sec,
        make_consumer=lambda manager: JobConsumer(broker_url, registry.job_types, manager.ring),
    )
    working = asyncio.create_task(manager.run())
    try:
        async with running(keeper.run()):
            yield Engine(jobs, logs, files, recorder, keeper, manager, job_types, loop)
            manager.stop()
            await working
            await background.finish()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        loop.close(5.0)
