"""Builds single parts of the engine for tests that need no whole engine (``engine_harness``).

Tests build these parts only here: a new argument of a part then changes this module and no test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Candidate, Job, Lease
from secretary_common.ports import JobRepository, KeyRepository, LogRepository, WorkerRepository
from secretary_common.runtime.clock import Clock, SystemClock, elapsed_sec
from secretary_common.runtime.lifecycle import Background
from secretary_common.runtime.mailbox import Mailbox
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.doorbell import RecordingDoorbell
from secretary_common.testing.files import InMemoryFileRepository
from secretary_common.testing.jobs import InMemoryLogRepository
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.progress import AttemptProgress
from secretary_worker.attempt.writer import AttemptWriter
from secretary_worker.attempt.writers import AttemptWriters
from secretary_worker.engine.heartbeat import Heartbeat, Place, WorkerState, alone
from secretary_worker.engine.leases import Leases
from secretary_worker.engine.line.candidates import BATCH_SIZE, Candidates
from secretary_worker.engine.line.running_limits import RunningLimits
from secretary_worker.engine.reclaim import Reclaimer

RETENTION = timedelta(days=1)
MAX_FILE_BYTES = 1000


def make_leases(
    jobs: JobRepository,
    confirm: Callable[[], Awaitable[None]],
    clock: Clock,
    *,
    lease_sec: float = 30.0,
    heartbeat_sec: float = 10.0,
    monotonic: Callable[[], float] = elapsed_sec,
    jitter: float = 0.0,
) -> Leases:
    """Return leases whose jitter after a lost contact is always *jitter*, in [0, 1)."""
    return Leases(
        jobs,
        confirm,
        clock,
        lease_sec=lease_sec,
        heartbeat_sec=heartbeat_sec,
        monotonic=monotonic,
        jitter=lambda: jitter,
    )


def hold_of(job: Job, lease: Lease, confirmed_at: float = 0.0) -> HeldJob:
    """Return *job* as held under *lease*; the claim was sent at *confirmed_at* (monotonic)."""
    return HeldJob(job, lease, confirmed_at)


def make_candidates(
    jobs: JobRepository,
    *,
    keys: KeyRepository | None = None,
    monotonic: Callable[[], float],
    choose: Callable[[Sequence[str]], str] = max,
    share: Callable[[], float] = lambda: 0.0,
    place: Callable[[], Awaitable[Place]] = alone,
    batch_size: int = BATCH_SIZE,
    on_scheduled: Callable[[Candidate], None] = lambda _: None,
) -> Candidates:
    """Return the candidates of one worker, which begins with the last API key."""
    return Candidates(
        jobs,
        RunningLimits(keys or InMemoryKeyRepository(), jobs, monotonic),
        batch_size=batch_size,
        monotonic=monotonic,
        choose=choose,
        share=share,
        place=place,
        on_scheduled=on_scheduled,
    )


def make_heartbeat(
    workers: WorkerRepository, state: Callable[[], WorkerState], **fields: Any
) -> Heartbeat:
    """Return the heartbeat of the worker ``w1`` with three slots; *fields* replace the defaults."""
    given: dict[str, Any] = {
        "worker_id": "w1",
        "job_types": ["test"],
        "slots": 3,
        "active": True,
        "heartbeat_sec": 10.0,
    }
    return Heartbeat(workers, SystemClock(), state, **{**given, **fields})


def make_reclaimer(
    jobs: JobRepository, doorbell: RecordingDoorbell, clock: Clock, max_lost_leases: int
) -> tuple[Reclaimer, Background]:
    """Return a reclaimer and its background tasks, which the caller finishes."""
    background = Background()
    reclaimer = Reclaimer(
        jobs,
        InMemoryLogRepository(),
        doorbell,
        clock,
        retention=RETENTION,
        max_lost_leases=max_lost_leases,
        in_background=background.start,
    )
    return reclaimer, background


def make_progress(job: Job, token: str, jobs: JobRepository, clock: Clock) -> AttemptProgress:
    """Return the progress of the attempt that holds *job* under *token*. It rings for none."""
    return AttemptProgress(job, token, jobs, clock, lambda *_: None)


def make_writer(
    hold: HeldJob, jobs: JobRepository, logs: LogRepository, clock: Clock
) -> AttemptWriter:
    """Return the writer for the attempt of *hold*. It stores files in memory and rings for none."""
    writers = AttemptWriters(
        jobs=jobs,
        logs=logs,
        files=InMemoryFileRepository(),
        clock=clock,
        retention=RETENTION,
        max_file_bytes=MAX_FILE_BYTES,
        mailbox=Mailbox(asyncio.get_running_loop()),
    )
    return writers.open(hold, ResourceCalculator(), lambda *_: None)
