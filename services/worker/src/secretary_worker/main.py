"""Reads the settings, wires the worker, runs it until a signal."""

from __future__ import annotations

import asyncio
import faulthandler
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from secretary_common.broker.publisher import Publisher
from secretary_common.errors import ConfigurationError
from secretary_common.mongo.store import Store, open_store
from secretary_common.observing.otlp import exported
from secretary_common.observing.process_watch import ProcessWatch
from secretary_common.operator_events.watch import FaultWatch
from secretary_common.runtime import event_loop
from secretary_common.runtime.descriptor_watch import DescriptorWatch
from secretary_common.runtime.health import health_server
from secretary_common.runtime.lifecycle import (
    end_within,
    running,
    stop_signal,
    unless_stopped,
)
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.runtime.resilient_loop import until_done
from secretary_common.s3.buckets import Buckets
from secretary_common.secrets.cipher import Cipher
from secretary_common.secrets.hidden_process import hide
from secretary_common.settings.settings import (
    Settings,
    check_address,
    exit_if_misconfigured,
    load_settings,
)
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.objects import store_clients
from secretary_worker.access.target import TargetWriter
from secretary_worker.access.upload import Uploads
from secretary_worker.engine.fitness import Fitness, probes_of
from secretary_worker.engine.heartbeat import Heartbeat
from secretary_worker.engine.manager import SecretaryWorkerManager
from secretary_worker.handler_packages import HandlerPackages
from secretary_worker.housekeeping.eviction import Eviction
from secretary_worker.housekeeping.sweeper import Sweeper
from secretary_worker.metrics import HANDLER_LOOP_SILENCE, SLOTS, SLOTS_FREE
from secretary_worker.registry import Registry
from secretary_worker.sandbox import lockdown
from secretary_worker.watchdog.watchdog_client import WatchdogClient
from secretary_worker.wiring import Engine, EnginePorts, EngineTerms, build_engine

log = get_logger(__name__)

REQUIRED = ("security.encryption_keys",)
HANDLER_LOOP_CLOSE_SEC = 2.0


async def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT, then drain and return.

    If MongoDB does not answer at the start, the worker logs this and waits. It starts without the
    broker and connects to the broker later.
    """
    worker = settings.worker
    check_address("worker.host", "worker.http_port", worker.host, worker.http_port)
    store = open_store(settings.mongo, retention=_retention(settings))
    bridge = Bridge()
    uploads = Uploads(store.files, store.keys, bridge)
    packages = HandlerPackages(settings, cache=store.cache, uploads=uploads, bridge=bridge)
    registry = packages.set_up(settings.worker.handler_modules).only(settings.worker.job_types)
    packages.start_zygotes(registry.job_types)
    stop = stop_signal()
    publisher = Publisher(
        settings.broker.url.get_secret_value(), queue_type=settings.broker.queue_type
    )
    engine = build_engine(
        _ports(settings, store, publisher, uploads),
        _terms(settings),
        registry,
        Fitness(probes_of(settings.files.roots)),
    )
    _show_state(engine)
    health = _Health(engine, active=settings.generic_worker.active)
    try:
        async with health_server(
            worker.host,
            worker.http_port,
            health.ready,
            health.live,
            metrics_token=settings.security.metrics_access(),
        ):
            if await unless_stopped(stop, store.wait_until_ready()):
                # Before the worker is ready: a client that waits for that may submit at once.
                if not await unless_stopped(stop, _announce(store, registry, packages)):
                    return
                async with running(
                    _watchdog(settings, engine).run(stop),
                    publisher.run(),
                    store.watch_schema(),
                    DescriptorWatch().run(),
                    _process_watch(settings).run(),
                    _fault_watch(settings, store).run(),
                    engine.leases.run(),
                    engine.fitness.run(),
                    _sweeper(settings, store, engine).run(),
                ):
                    await _work(settings, store, engine, stop)
                    await engine.background.finish()
    finally:
        engine.handler_loop.close(HANDLER_LOOP_CLOSE_SEC)
        packages.close()
        await store.close()
    log.info("worker.stopped")


async def _announce(store: Store, registry: Registry, packages: HandlerPackages) -> None:
    """Announce the worker's job types and templates; repeat it until MongoDB takes them."""
    types = [registration.announcement() for registration in registry]
    templates = await asyncio.to_thread(packages.templates)
    await until_done("announcement", lambda: store.job_types.announce(types))
    await until_done("announcement", lambda: store.templates.announce(templates))


async def _work(settings: Settings, store: Store, engine: Engine, stop: asyncio.Event) -> None:
    log.info(
        "worker.started",
        owner=engine.leases.owner,
        job_types=",".join(sorted(engine.registry.job_types)),
        slots=settings.generic_worker.max_concurrent,
        active=settings.generic_worker.active,
    )
    async with running(_heartbeat(settings, store, engine).run()):
        if not settings.generic_worker.active:
            await stop.wait()
            return
        async with running(_stop_when(stop, engine.manager)):
            await engine.manager.run()


async def _stop_when(stop: asyncio.Event, manager: SecretaryWorkerManager) -> None:
    await stop.wait()
    manager.stop()


def _process_watch(settings: Settings) -> ProcessWatch:
    return ProcessWatch([Path(tempfile.gettempdir()), *settings.files.roots])


def _show_state(engine: Engine) -> None:
    """Let the metrics show the slots and the loop of the handlers."""
    SLOTS.set(engine.manager.slots)
    SLOTS_FREE.set_function(lambda: engine.manager.free_slots)
    HANDLER_LOOP_SILENCE.set_function(lambda: engine.handler_loop.silent_sec)


def _retention(settings: Settings) -> timedelta:
    return timedelta(days=settings.retention.finished_days)


def _sweeper(settings: Settings, store: Store, engine: Engine) -> Sweeper:
    return Sweeper(
        removal=store.removal,
        files=store.files,
        logs=store.logs,
        deliveries=store.deliveries,
        locks=store.locks,
        eviction=_eviction(settings, store),
        clock=store.clock,
        owner=engine.leases.owner,
        retention=_retention(settings),
        grace_sec=2 * settings.worker.lease_sec,
        interval_sec=settings.retention.sweep_interval_sec,
    )


def _eviction(settings: Settings, store: Store) -> Eviction:
    return Eviction(
        store.cache,
        store.clock,
        unused_for=timedelta(days=settings.cache.days),
        max_bytes=int(settings.cache.max_mb * 2**20),
    )


def _ports(settings: Settings, store: Store, publisher: Publisher, uploads: Uploads) -> EnginePorts:
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


def _terms(settings: Settings) -> EngineTerms:
    return EngineTerms(
        slots=settings.generic_worker.max_concurrent,
        poll_interval_sec=settings.generic_worker.poll_interval_sec,
        lease_sec=settings.worker.lease_sec,
        heartbeat_sec=settings.worker.renewal_sec,
        drain_sec=settings.worker.drain_sec,
        retention=_retention(settings),
        max_lost_leases=settings.worker.max_lost_leases,
        max_file_bytes=int(settings.files.max_upload_mb * 2**20),
        guest_slot=settings.generic_worker.guest_slot,
        broker_url=settings.broker.url.get_secret_value(),
        queue_type=settings.broker.queue_type,
    )


def _fault_watch(settings: Settings, store: Store) -> FaultWatch:
    return FaultWatch(store.faults, store.clock, "worker", settings.operator.interval_sec)


def _watchdog(settings: Settings, engine: Engine) -> WatchdogClient:
    return WatchdogClient(
        engine.handler_loop.marks, owner=engine.leases.owner, lease_sec=settings.worker.lease_sec
    )


def _heartbeat(settings: Settings, store: Store, engine: Engine) -> Heartbeat:
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


class _Health:
    """The answers of the worker's health server."""

    def __init__(self, engine: Engine, *, active: bool) -> None:
        self._manager = engine.manager
        self._leases = engine.leases
        self._fitness = engine.fitness
        self._active = active

    async def live(self) -> tuple[bool, dict[str, Any]]:
        """Report the worker as alive unless its manager is stuck. Outages do not matter."""
        return not (self._active and self._manager.is_stuck), {
            "active": self._active,
            "broker": self._manager.consumer.configured,
            "listening": self._manager.consumer.listening,
            "last_look_sec": round(time.monotonic() - self._manager.last_look_at, 3),
        }

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Report the worker as ready while it has contact with MongoDB and lacks nothing."""
        manager, in_contact, lacks = self._manager, self._leases.in_contact, self._fitness.lacks
        return in_contact and not lacks, {
            "store": in_contact,
            "unfit": lacks,
            "listening": manager.consumer.listening,
            "free_slots": manager.free_slots,
            "running": [hold.job.job_id for hold in manager.running],
            "last_look_sec": round(time.monotonic() - manager.last_look_at, 3),
        }


def check_sandbox(settings: Settings, lacking: Sequence[str]) -> None:
    """Warn if the kernel is *lacking* layers of the sandbox.

    Raises:
        ConfigurationError: ``worker.sandbox`` is ``strict``.
    """
    if not lacking:
        return
    names = ", ".join(lacking)
    if settings.worker.sandbox == "strict":
        message = f"worker.sandbox is strict, but this kernel or container lacks: {names}"
        raise ConfigurationError(message)
    log.warning("sandbox.incomplete", kernel_lacks=names)


def main() -> None:
    """Run the worker in this process; ``secretary-worker`` calls it (``supervisor.py``)."""
    hide()
    configure_logging("worker")
    faulthandler.enable()  # a worker that its watchdog aborts, or that crashes, prints its stacks
    with exit_if_misconfigured("secretary-worker"):
        settings = load_settings(require=REQUIRED)
        configure_logging("worker", level=settings.log.level, style=settings.log.format)
        check_sandbox(settings, lockdown.lacks())
        with exported(
            "worker", settings.tracing.endpoint, settings.tracing.sample_ratio, for_handlers=True
        ):
            event_loop.run(serve(settings))
    end_within(HANDLER_LOOP_CLOSE_SEC)
