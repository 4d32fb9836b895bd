"""Reads the settings, builds the worker, and runs it until a signal stops it."""

from __future__ import annotations

import asyncio
import faulthandler
import tempfile
from collections.abc import Sequence
from pathlib import Path

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
from secretary_common.secrets.hidden_process import hide
from secretary_common.settings.settings import (
    Settings,
    check_address,
    exit_if_misconfigured,
    load_settings,
)
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.upload import Uploads
from secretary_worker.engine.fitness import Fitness, probes_of
from secretary_worker.engine.manager import SecretaryWorkerManager
from secretary_worker.handler_packages import HandlerPackages
from secretary_worker.health import Health
from secretary_worker.metrics import HANDLER_LOOP_SILENCE, SLOTS, SLOTS_FREE
from secretary_worker.registry import Registry
from secretary_worker.sandbox import lockdown
from secretary_worker.wiring import (
    Engine,
    build_engine,
    engine_ports,
    engine_terms,
    heartbeat,
    retention,
    sweeper,
    watchdog,
)

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
    store = open_store(settings.mongo, retention=retention(settings))
    bridge = Bridge()
    uploads = Uploads(store.files, store.keys, bridge)
    packages = HandlerPackages(settings, cache=store.cache, uploads=uploads, bridge=bridge)
    registry = packages.set_up(worker.handler_modules).only(worker.job_types)
    packages.start_zygotes(registry.job_types)
    stop = stop_signal()
    publisher = Publisher(
        settings.broker.url.get_secret_value(), queue_type=settings.broker.queue_type
    )
    engine = build_engine(
        engine_ports(settings, store, publisher, uploads),
        engine_terms(settings),
        registry,
        Fitness(probes_of(settings.files.roots)),
    )
    _show_state(engine)
    health = Health(engine, active=settings.generic_worker.active)
    try:
        async with health_server(
            worker.host,
            worker.http_port,
            health.ready,
            health.live,
            metrics_token=settings.security.metrics_access(),
        ):
            if await unless_stopped(stop, _prepare(store, registry, packages)):
                # While the worker drains, after an error too, its leases must be renewed.
                async with (
                    running(publisher.run(), engine.leases.run()),
                    running(
                        watchdog(settings, engine).run(stop),
                        store.watch_schema(),
                        DescriptorWatch().run(),
                        ProcessWatch([Path(tempfile.gettempdir()), *settings.files.roots]).run(),
                        FaultWatch(
                            store.faults, store.clock, "worker", settings.operator.interval_sec
                        ).run(),
                        engine.fitness.run(),
                        sweeper(settings, store, engine).run(),
                    ),
                ):
                    await _work(settings, store, engine, stop)
                    await engine.background.finish()
    finally:
        engine.handler_loop.close(HANDLER_LOOP_CLOSE_SEC)
        packages.close()
        await store.close()
    log.info("worker.stopped")


async def _prepare(store: Store, registry: Registry, packages: HandlerPackages) -> None:
    """Wait for MongoDB, then announce the worker's job types and templates until it takes them.

    The worker is ready only after that, because a client that waits for it may submit at once.
    """
    await store.wait_until_ready()
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
    async with running(heartbeat(settings, store, engine).run()):
        if not settings.generic_worker.active:
            await stop.wait()
            return
        async with running(_stop_when(stop, engine.manager)):
            await engine.manager.run()


async def _stop_when(stop: asyncio.Event, manager: SecretaryWorkerManager) -> None:
    await stop.wait()
    manager.stop()


def _show_state(engine: Engine) -> None:
    """Let the metrics show the slots and the loop of the handlers."""
    SLOTS.set(engine.manager.slots)
    SLOTS_FREE.set_function(lambda: engine.manager.free_slots)
    HANDLER_LOOP_SILENCE.set_function(lambda: engine.handler_loop.silent_sec)


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
