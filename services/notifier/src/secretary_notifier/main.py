"""The notifier's process: settings, wiring, signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from secretary_common.broker.delivery_consumer import DeliveryConsumer
from secretary_common.errors import StoreUnavailable
from secretary_common.http.egress import guarded_session
from secretary_common.http.tls import client_tls
from secretary_common.models import new_token
from secretary_common.mongo.store import Store, open_store
from secretary_common.observing.otlp import exported
from secretary_common.observing.process_watch import ProcessWatch
from secretary_common.operator_events.rules import EventTerms
from secretary_common.operator_events.watch import FaultWatch
from secretary_common.runtime import event_loop
from secretary_common.runtime.descriptor_watch import DescriptorWatch
from secretary_common.runtime.health import health_server
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.runtime.lifecycle import running, stop_signal, unless_stopped
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.service import OperatorSection
from secretary_common.settings.settings import (
    Settings,
    check_address,
    exit_if_misconfigured,
    load_settings,
)
from secretary_notifier.attempt_log import BREAKERS_OPEN, DELIVERIES_HELD, DELIVERIES_IN_FLIGHT
from secretary_notifier.courier import Courier
from secretary_notifier.courier_config import LEASE_MARGIN_SEC, CourierConfig
from secretary_notifier.dispatcher import Dispatcher
from secretary_notifier.fairness.fair_queue import FairQueue
from secretary_notifier.heartbeat import report_alive, sweep
from secretary_notifier.operator.announcer import Announcer
from secretary_notifier.operator.apprise_sender import AppriseSender
from secretary_notifier.relay import Relay
from secretary_notifier.sending.name_service import NameService
from secretary_notifier.sending.sender import Sender

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

    async def ready() -> tuple[bool, dict[str, Any]]:
        return await _is_ready(store)

    try:
        token = settings.security.metrics_access()
        async with health_server(section.host, section.http_port, ready, metrics_token=token):
            if await unless_stopped(stop, store.wait_until_ready()):
                owner = f"notifier-{new_token()}"
                async with _dispatcher(settings, store, owner) as dispatcher:
                    await _work(settings, store, dispatcher, owner, stop)
    finally:
        await store.close()
        log.info("notifier.stopped")


async def _work(
    settings: Settings, store: Store, dispatcher: Dispatcher, owner: str, stop: asyncio.Event
) -> None:
    section = settings.notifier

    def facts() -> dict[str, object]:
        return {
            "pid": os.getpid(),
            "in_flight": dispatcher.in_flight,
            "max_in_flight": section.max_in_flight,
            "receivers": [one.model_dump(exclude_none=True) for one in dispatcher.receivers()],
        }

    doorbell = DeliveryConsumer(
        settings.broker.url.get_secret_value(),
        max_in_flight=section.max_in_flight,
        queue_type=settings.broker.queue_type,
    )
    log.info("notifier.started", max_in_flight=section.max_in_flight)
    operator = settings.operator
    async with running(
        store.keep_time(),
        store.watch_schema(),
        DescriptorWatch().run(),
        ProcessWatch().run(),
        FaultWatch(store.faults, store.clock, "notifier", operator.interval_sec).run(),
        _announcer(operator, store).run(),
    ):
        async with running(
            doorbell.listen(dispatcher.on_doorbell),
            report_alive(store.notifiers, owner, store.clock, facts),
            sweep(store.deliveries, store.clock),
            _stop_when(stop, dispatcher),
        ):
            await dispatcher.run()
        with contextlib.suppress(Exception):  # the report expires by itself
            await store.notifiers.leave(owner)
        await dispatcher.drain(section.timeout_sec + LEASE_MARGIN_SEC)


def _announcer(section: OperatorSection, store: Store) -> Announcer:
    urls = [url.get_secret_value() for url in section.apprise_urls]
    return Announcer(
        store.faults,
        store.endpoints,
        store.deliveries,
        store.clock,
        EventTerms(
            interval=timedelta(seconds=section.interval_sec),
            after=timedelta(seconds=section.after_sec),
            again=timedelta(seconds=section.again_sec),
        ),
        AppriseSender(urls).send if urls else None,
    )


async def _stop_when(stop: asyncio.Event, dispatcher: Dispatcher) -> None:
    await stop.wait()
    dispatcher.stop()


@contextlib.asynccontextmanager
async def _dispatcher(settings: Settings, store: Store, owner: str) -> AsyncIterator[Dispatcher]:
    section = settings.notifier
    names = NameService()
    session = guarded_session(
        settings.security.url_guard(lookup=names.look_up),
        max_connections=section.max_in_flight,
        tls=client_tls(
            settings.security.ca_file, certificate=section.client_cert, key=section.client_key
        ),
        proxy=settings.security.proxy(),
    )
    async with session:
        sender = Sender(
            session,
            Cipher(settings.security.encryption_keys),
            names=names,
            signing_secrets=[secret.get_secret_value() for secret in section.signing_secrets],
        )
        limit = KeyedLimit(total=section.max_in_flight, per_key=section.per_origin)
        queue = FairQueue(slots=section.max_in_flight, per_origin=section.per_origin)
        courier = Courier(
            store.deliveries,
            sender,
            limit,
            store.clock,
            _courier_config(settings, owner),
            is_paused=lambda origin: queue.is_paused(origin, store.clock.now()),
            is_untried=queue.is_untried,
        )
        relay = Relay(
            store.jobs,
            store.deliveries,
            store.clock,
            public_url=settings.api.public_url,
            first_wait_sec=section.retry_schedule_sec[0],
            endpoints=store.endpoints,
        )
        dispatcher = Dispatcher(
            relay,
            store.deliveries,
            courier,
            queue,
            store.clock,
            poll_interval_sec=section.poll_interval_sec,
        )
        DELIVERIES_IN_FLIGHT.set_function(lambda: dispatcher.in_flight)
        DELIVERIES_HELD.set_function(lambda: len(queue))
        BREAKERS_OPEN.set_function(lambda: len(queue.open_breakers(store.clock.now())))
        yield dispatcher


def _courier_config(settings: Settings, owner: str) -> CourierConfig:
    section = settings.notifier
    return CourierConfig(
        owner=owner,
        timeout_sec=section.timeout_sec,
        first_timeout_sec=section.first_timeout_sec,
        retry_schedule_sec=section.retry_schedule_sec,
        poll_interval_sec=section.poll_interval_sec,
        replayable_for=timedelta(days=settings.retention.finished_days),
    )


async def _is_ready(store: Store) -> tuple[bool, dict[str, Any]]:
    try:
        await store.ping()
    except StoreUnavailable:
        return False, {"mongo": "unreachable"}
    return True, {"mongo": "ok"}
