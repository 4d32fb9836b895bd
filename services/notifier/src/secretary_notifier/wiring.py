"""Builds the parts of the notifier from the settings and the store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from secretary_common.http.egress import GuardedSession, guarded_session
from secretary_common.http.tls import client_tls
from secretary_common.mongo.store import Store
from secretary_common.operator_events.rules import EventTerms
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.service import OperatorSection
from secretary_common.settings.settings import Settings
from secretary_notifier.courier import Courier
from secretary_notifier.courier_config import CourierConfig
from secretary_notifier.dispatcher import Dispatcher
from secretary_notifier.fairness.fair_queue import FairQueue
from secretary_notifier.metrics import BREAKERS_OPEN, DELIVERIES_HELD, DELIVERIES_IN_FLIGHT
from secretary_notifier.operator.announcer import Announcer
from secretary_notifier.operator.apprise_sender import AppriseSender
from secretary_notifier.relay import Relay
from secretary_notifier.sending.name_service import NameService
from secretary_notifier.sending.sender import Sender


@contextlib.asynccontextmanager
async def open_dispatcher(
    settings: Settings, store: Store, owner: str
) -> AsyncIterator[Dispatcher]:
    """Build the dispatcher of the notifier *owner*; close its HTTP session at the end.

    Raises:
        ConfigurationError: a file of certificates cannot be used.
    """
    section = settings.notifier
    names = NameService()
    async with _session(settings, names) as session:
        queue = FairQueue(slots=section.max_in_flight, per_origin=section.per_origin)
        dispatcher = Dispatcher(
            _relay(settings, store),
            store.deliveries,
            _courier(settings, store, owner, queue, _sender(settings, session, names)),
            queue,
            store.clock,
            poll_interval_sec=section.poll_interval_sec,
        )
        DELIVERIES_IN_FLIGHT.set_function(lambda: dispatcher.in_flight)
        DELIVERIES_HELD.set_function(lambda: len(queue))
        BREAKERS_OPEN.set_function(lambda: len(queue.open_breakers(store.clock.now())))
        yield dispatcher


def announcer_of(section: OperatorSection, store: Store) -> Announcer:
    """Build the sender of operator events.

    Raises:
        ConfigurationError: apprise is not installed, or does not know a URL.
    """
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


def _session(settings: Settings, names: NameService) -> GuardedSession:
    section = settings.notifier
    return guarded_session(
        settings.security.url_guard(lookup=names.look_up),
        max_connections=section.max_in_flight,
        tls=client_tls(
            settings.security.ca_file, certificate=section.client_cert, key=section.client_key
        ),
        proxy=settings.security.proxy(),
    )


def _sender(settings: Settings, session: GuardedSession, names: NameService) -> Sender:
    secrets = settings.notifier.signing_secrets
    return Sender(
        session,
        Cipher(settings.security.encryption_keys),
        names=names,
        signing_secrets=[secret.get_secret_value() for secret in secrets],
    )


def _courier(
    settings: Settings, store: Store, owner: str, queue: FairQueue, sender: Sender
) -> Courier:
    section = settings.notifier
    config = CourierConfig(
        owner=owner,
        timeout_sec=section.timeout_sec,
        first_timeout_sec=section.first_timeout_sec,
        retry_schedule_sec=section.retry_schedule_sec,
        poll_interval_sec=section.poll_interval_sec,
        replayable_for=timedelta(days=settings.retention.finished_days),
    )
    return Courier(
        store.deliveries,
        sender,
        KeyedLimit(total=section.max_in_flight, per_key=section.per_origin),
        store.clock,
        config,
        is_paused=lambda origin: queue.is_paused(origin, store.clock.now()),
        is_untried=queue.is_untried,
    )


def _relay(settings: Settings, store: Store) -> Relay:
    return Relay(
        store.jobs,
        store.deliveries,
        store.clock,
        public_url=settings.api.public_url,
        first_wait_sec=settings.notifier.retry_schedule_sec[0],
        endpoints=store.endpoints,
    )
