"""Builds the engine of a worker. The service and the tests build it here.

A new argument of a part of the engine is given here, so it changes no test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from secretary_common.broker.job_consumer import JobConsumer
from secretary_common.ports import (
    Doorbell,
    FileRepository,
    JobRepository,
    JobTypeRepository,
    KeyRepository,
    LogRepository,
    WorkerRepository,
)
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.lifecycle import Background
from secretary_common.runtime.mailbox import Mailbox
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.service import QueueType
from secretary_worker.access.upload import Uploads
from secretary_worker.attempt.files import WriteToTarget
from secretary_worker.attempt.writers import AttemptWriters
from secretary_worker.engine.fitness import Fitness
from secretary_worker.engine.handler_loop import PATIENCE_SEC, HandlerLoop
from secretary_worker.engine.heartbeat import LivingWorkers
from secretary_worker.engine.leases import Leases
from secretary_worker.engine.manager import SecretaryWorkerManager
from secretary_worker.engine.reclaim import Reclaimer
from secretary_worker.engine.runner import Runner
from secretary_worker.engine.running_limits import RunningLimits
from secretary_worker.engine.startable_types import StartableTypes
from secretary_worker.registry import Registry


@dataclass(frozen=True, slots=True)
class EnginePorts:
    """What the engine uses outside itself."""

    jobs: JobRepository
    logs: LogRepository
    files: FileRepository
    job_types: JobTypeRepository
    keys: KeyRepository
    doorbell: Doorbell
    clock: Clock
    confirm: Callable[[], Awaitable[None]]
    """Returns when a majority of MongoDB's members has answered; see ``Leases``."""
    uploads: Uploads
    cipher: Cipher
    write_to_target: WriteToTarget | None = None
    """Writes the results of jobs with a target; None: no job has one."""
    workers: WorkerRepository | None = None
    """The reports of all workers; None: this worker takes no notice of others."""


@dataclass(frozen=True, slots=True)
class EngineTerms:
    """The numbers of one worker. Durations are in seconds."""

    slots: int
    poll_interval_sec: float
    lease_sec: float
    heartbeat_sec: float
    drain_sec: float
    retention: timedelta
    """How long an ended job is kept."""
    max_lost_leases: int
    max_file_bytes: int
    """The largest file that a handler may store."""
    guest_slot: bool = True
    """Whether a full worker runs one more job, of an API key that runs none on it."""
    broker_url: str = ""
    queue_type: QueueType = "quorum"
    """Empty: the worker finds jobs by polling only."""
    patience_sec: float = PATIENCE_SEC
    """How long a job waits for a blocked loop of handlers before it gets a new loop."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a running worker that other code uses."""

    manager: SecretaryWorkerManager
    runner: Runner
    leases: Leases
    fitness: Fitness
    handler_loop: HandlerLoop
    background: Background
    """The rings that no code waits for."""
    registry: Registry


def build_engine(
    ports: EnginePorts, terms: EngineTerms, registry: Registry, fitness: Fitness
) -> Engine:
    """Return an engine for the handlers in *registry*. Its parts are not running yet.

    Call this function inside the event loop of the engine.
    """
    background, handler_loop = Background(), HandlerLoop(patience_sec=terms.patience_sec)
    leases = _leases(ports, terms)
    runner = Runner(
        writers=AttemptWriters(
            jobs=ports.jobs,
            logs=ports.logs,
            files=ports.files,
            clock=ports.clock,
            retention=terms.retention,
            max_file_bytes=terms.max_file_bytes,
            mailbox=Mailbox(asyncio.get_running_loop()),
            write_to_target=ports.write_to_target,
        ),
        doorbell=ports.doorbell,
        leases=leases,
        registry=registry,
        loop=handler_loop,
        clock=ports.clock,
        cipher=ports.cipher,
        uploads=ports.uploads,
        fitness=fitness,
        in_background=background.start,
    )
    manager = _manager(ports, terms, runner)
    return Engine(manager, runner, leases, fitness, handler_loop, background, registry)


def _leases(ports: EnginePorts, terms: EngineTerms) -> Leases:
    return Leases(
        ports.jobs,
        ports.confirm,
        ports.clock,
        lease_sec=terms.lease_sec,
        heartbeat_sec=terms.heartbeat_sec,
    )


def _manager(ports: EnginePorts, terms: EngineTerms, runner: Runner) -> SecretaryWorkerManager:
    types = runner.registry.job_types
    return SecretaryWorkerManager(
        ports.jobs,
        runner,
        Reclaimer(
            ports.jobs,
            ports.logs,
            ports.doorbell,
            ports.clock,
            retention=terms.retention,
            max_lost_leases=terms.max_lost_leases,
            in_background=runner.in_background,
        ),
        StartableTypes(types, ports.job_types),
        ports.clock,
        limits=RunningLimits(ports.keys, ports.jobs),
        slots=terms.slots,
        poll_interval_sec=terms.poll_interval_sec,
        drain_sec=terms.drain_sec,
        guest_slot=terms.guest_slot,
        place=_living_workers(ports, runner).place,
        make_consumer=lambda manager: JobConsumer(
            terms.broker_url,
            types,
            manager.ring,
            on_shared_ring=manager.doorbells.answer_shared,
            on_quick_ring=manager.ring,
            slots=terms.slots,
            queue_type=terms.queue_type,
        ),
    )


def _living_workers(ports: EnginePorts, runner: Runner) -> LivingWorkers:
    return LivingWorkers(
        ports.workers,
        ports.clock,
        worker_id=runner.leases.owner,
        job_types=runner.registry.job_types,
    )
