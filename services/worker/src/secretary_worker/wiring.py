"""Builds the engine of a worker, and the other parts of the service from its settings and store.

The service and the tests build the engine here, so a new argument of one of its parts changes no
test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from secretary_common.broker.job_consumer import JobConsumer
from secretary_common.broker.publisher import Publisher
from secretary_common.mongo.store import Store
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
from secretary_common.s3.buckets import Buckets
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.service import QueueType
from secretary_common.settings.settings import Settings
from secretary_worker.access.objects import store_clients
from secretary_worker.access.target import TargetWriter
from secretary_worker.access.upload import Uploads
from secretary_worker.attempt.files import WriteToTarget
from secretary_worker.attempt.writers import AttemptWriters
from secretary_worker.engine.fitness import Fitness
from secretary_worker.engine.handler_loop import PATIENCE_SEC, HandlerLoop
from secretary_worker.engine.heartbeat import Heartbeat, LivingWorkers
from secretary_worker.engine.leases import Leases
from secretary_worker.engine.line.running_limits import RunningLimits
from secretary_worker.engine.manager import SecretaryWorkerManager
from secretary_worker.engine.reclaim import Reclaimer
from secretary_worker.engine.runner import Runner
from secretary_worker.engine.startable_types import StartableTypes
from secretary_worker.housekeeping.eviction import Eviction
from secretary_worker.housekeeping.sweeper import Sweeper
from secretary_worker.registry import Registry
from secretary_worker.watchdog.watchdog_client import WatchdogClient


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
    """Empty: the worker finds jobs by polling only."""
    queue_type: QueueType = "quorum"
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
            on_quick_ring=manager.doorbells.answer_quick,
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


def retention(settings: Settings) -> timedelta:
    """Return how long an ended job is kept."""
    return timedelta(days=settings.retention.finished_days)


def engine_ports(
    settings: Settings, store: Store, publisher: Publisher, uploads: Uploads
) -> EnginePorts:
    """Return what the engine of the service uses outside itself."""
    return EnginePorts(
        jobs=store.jobs,
        logs=store.logs,
        files=store.files,
        job_types=store.job_types,
        workers=store.workers,
        keys=store.keys,
        doorbell=publisher,
        clock=store.clock,
        confirm=store.confirm,
        uploads=uploads,
        cipher=Cipher(settings.security.encryption_keys),
        write_to_target=TargetWriter(
            store.files,
            Buckets(settings.s3),
            store_clients(settings.security),
            settings.s3.write_sec,
        ),
    )


def engine_terms(settings: Settings) -> EngineTerms:
    """Return the numbers of the worker that *settings* describe."""
    section = settings.generic_worker
    return EngineTerms(
        slots=section.max_concurrent,
        poll_interval_sec=section.poll_interval_sec,
        lease_sec=settings.worker.lease_sec,
        heartbeat_sec=settings.worker.renewal_sec,
        drain_sec=settings.worker.drain_sec,
        retention=retention(settings),
        max_lost_leases=settings.worker.max_lost_leases,
        max_file_bytes=int(settings.files.max_upload_mb * 2**20),
        guest_slot=section.guest_slot,
        broker_url=settings.broker.url.get_secret_value(),
        queue_type=settings.broker.queue_type,
    )


def sweeper(settings: Settings, store: Store, engine: Engine) -> Sweeper:
    """Return the sweeper, which removes what is no longer needed."""
    return Sweeper(
        removal=store.removal,
        files=store.files,
        logs=store.logs,
        deliveries=store.deliveries,
        locks=store.locks,
        eviction=Eviction(
            store.cache,
            store.clock,
            unused_for=timedelta(days=settings.cache.days),
            max_bytes=int(settings.cache.max_mb * 2**20),
        ),
        clock=store.clock,
        owner=engine.leases.owner,
        retention=retention(settings),
        grace_sec=2 * settings.worker.lease_sec,
        interval_sec=settings.retention.sweep_interval_sec,
    )


def heartbeat(settings: Settings, store: Store, engine: Engine) -> Heartbeat:
    """Return the heartbeat, which reports the worker to the store."""
    return Heartbeat(
        store.workers,
        store.clock,
        engine.manager.state,
        worker_id=engine.leases.owner,
        job_types=list(engine.registry.job_types),
        slots=engine.manager.slots,
        active=settings.generic_worker.active,
        heartbeat_sec=settings.worker.renewal_sec,
    )


def watchdog(settings: Settings, engine: Engine) -> WatchdogClient:
    """Return the client that starts the watchdog of this process and sends it beats."""
    return WatchdogClient(
        engine.handler_loop.marks, owner=engine.leases.owner, lease_sec=settings.worker.lease_sec
    )
