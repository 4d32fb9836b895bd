"""The notifier's process: settings, background tasks, signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from secretary_common.broker.delivery_consumer import DeliveryConsumer
from secretary_common.errors import StoreUnavailable
from secretary_common.models import new_token
from secretary_common.mongo.store import Store, open_store
from secretary_common.observing.otlp import exported
from secretary_common.observing.process_watch import ProcessWatch
from secretary_common.operator_events.watch import FaultWatch
from secretary_common.runtime import event_loop
from secretary_common.runtime.descriptor_watch import DescriptorWatch
from secretary_common.runtime.health import health_server
from secretary_common.runtime.lifecycle import running, stop_signal, unless_stopped
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.settings.settings import (
    Settings,
    check_address,
    exit_if_misconfigured,
    load_settings,
)
from secretary_notifier.courier_config import LEASE_MARGIN_SEC
from secretary_notifier.dispatcher import Dispatcher
from secretary_notifier.heartbeat import report_alive, sweep
from secretary_notifier.wiring import announcer_of, open_dispatcher

log = get_logger(__name__)


def main() -> None:
    """Run ``secretary-notifier`` until SIGTERM or SIGINT."""
    with exit_if_misconfigured("secretary-notifier"):
        settings = load_settings(require=("security.encryption_keys",))
        configure_logging("notifier", level=settings.log.level, style=settings.log.format)
        with exported(
            "notifier", settings.tracing.endpoint, sample_ratio=settings.tracing.sample_ratio
        ):
            event_loop.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = stop_signal()
    loop = asyncio.get_running_loop()
    # Name look-ups run in threads. With this many, a look-up that hangs leaves threads for others.
    loop.set_default_executor(ThreadPoolExecutor(max(8, settings.notifier.max_in_flight)))
    await serve(settings, stop)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver webhooks until *stop* is set, then finish the attempts in flight.

    If MongoDB is unreachable at the start, the notifier waits for MongoDB. If the broker is
    unreachable, the notifier polls for due deliveries and connects to the broker later.
    """
    section = settings.notifier
    check_address("notifier.host", "notifier.http_port", section.host, section.http_port)
    store = open_store(settings.mongo, retention=timedelta(days=settings.retention.finished_days))

    started = asyncio.Event()

    async def ready() -> tuple[bool, dict[str, Any]]:
        return await _is_ready(store, started)

    try:
        token = settings.security.metrics_access()
        async with health_server(section.host, section.http_port, ready, metrics_token=token):
            if await unless_stopped(stop, store.wait_until_ready()):
                owner = f"notifier-{new_token()}"
                async with open_dispatcher(settings, store, owner) as dispatcher:
                    started.set()
                    await _work(settings, store, dispatcher, owner, stop)
    finally:
        await store.close()
        log.info("notifier.stopped")


async def _work(
    settings: Settings, store: Store, dispatcher: Dispatcher, owner: str, stop: asyncio.Event
) -> None:
    section = settings.notifier
    facts = partial(_facts, dispatcher, section.max_in_flight)
    doorbell = DeliveryConsumer(
        settings.broker.url.get_secret_value(),
        max_in_flight=section.max_in_flight,
        queue_type=settings.broker.queue_type,
    )
    log.info("notifier.started", max_in_flight=section.max_in_flight)
    operator = settings.operator
    # While the notifier drains, after an error too, its leases need MongoDB's time.
    async with running(store.keep_time(), announcer_of(operator, store).run()):
        try:
            async with running(
                store.watch_schema(),
                DescriptorWatch().run(),
                ProcessWatch().run(),
                FaultWatch(store.faults, store.clock, "notifier", operator.interval_sec).run(),
                doorbell.listen(dispatcher.on_doorbell),
                report_alive(store.notifiers, owner, store.clock, facts),
                sweep(store.deliveries, store.clock),
                _stop_when(stop, dispatcher),
            ):
                await dispatcher.run()
        finally:
            dispatcher.stop()
            with contextlib.suppress(Exception):  # the report expires by itself
                await store.notifiers.leave(owner)
            await dispatcher.drain(section.timeout_sec + LEASE_MARGIN_SEC)


def _facts(dispatcher: Dispatcher, max_in_flight: int) -> dict[str, object]:
    """Return what the heartbeat reports of this notifier."""
    return {
        "pid": os.getpid(),
        "in_flight": dispatcher.in_flight,
        "max_in_flight": max_in_flight,
        "receivers": [one.model_dump(exclude_none=True) for one in dispatcher.receivers()],
    }


async def _stop_when(stop: asyncio.Event, dispatcher: Dispatcher) -> None:
    await stop.wait()
    dispatcher.stop()


async def _is_ready(store: Store, started: asyncio.Event) -> tuple[bool, dict[str, Any]]:
    details = {"started": started.is_set()}
    try:
        await store.ping()
    except StoreUnavailable:
        return False, {**details, "mongo": "unreachable"}
    return started.is_set(), {**details, "mongo": "ok"}
