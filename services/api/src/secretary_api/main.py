"""``secretary-api``: reads the settings, builds the objects, and serves until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI

from secretary_api.app import MEGABYTE, create_app
from secretary_api.compatible import installation
from secretary_api.files.upload_limits import UploadLimits
from secretary_api.http.bounded_protocol import protocol_with
from secretary_api.http.connection_limits import ConnectionLimits
from secretary_api.http.early_answer import EarlyAnswer
from secretary_api.jobs.admission import Admission
from secretary_api.overview.queue_figures import QueueFigures
from secretary_api.routes import uploads
from secretary_api.wiring import ApiDependencies
from secretary_common.broker.publisher import Publisher
from secretary_common.doctor.examination import examine
from secretary_common.mongo.store import Store, open_store
from secretary_common.observing.otlp import exported
from secretary_common.observing.process_watch import ProcessWatch
from secretary_common.operator_events.watch import FaultWatch
from secretary_common.ports import Doorbell
from secretary_common.runtime import event_loop
from secretary_common.runtime.descriptor_watch import DescriptorWatch
from secretary_common.runtime.lifecycle import Background, running
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.s3.buckets import Buckets
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.settings import (
    Settings,
    check_address,
    exit_if_misconfigured,
    load_settings,
)

log = get_logger(__name__)

REQUIRED = ("security.encryption_keys", "api.pepper")
WEBHOOK_TEST_MARGIN_SEC = 5
SOURCE_HEADER = "X-Source-Code"
SHUTDOWN_SEC = 10
"""The time that requests in flight have after the signal to stop."""


class Server(uvicorn.Server):
    """uvicorn with our signal handling: uvicorn's raises the signal again before our cleanup."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        """*stopping* is set by the signal to stop; it ends endless requests such as streams."""
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._stopping.set()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT after the requests in flight are answered."""
        loop = asyncio.get_running_loop()
        caught = (signal.SIGTERM, signal.SIGINT)
        for number in caught:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in caught:
                loop.remove_signal_handler(number)


async def serve(settings: Settings) -> None:
    """Serve the API; MongoDB and the broker may be unreachable at the start and at any time."""
    check_address("api.host", "api.port", settings.api.host, settings.api.port)
    store = open_store(settings.mongo, retention=timedelta(days=settings.retention.finished_days))
    publisher = Publisher(
        settings.broker.url.get_secret_value(), queue_type=settings.broker.queue_type
    )
    store_answered, stopping = asyncio.Event(), asyncio.Event()
    background = Background()
    parts = wire(
        settings, store, publisher, background, store_answered=store_answered, stopping=stopping
    )
    app = create_app(parts)
    figures: QueueFigures = app.state.services.queue_figures
    server = Server(server_config(settings, app), stopping)
    try:
        # If one of these tasks fails, the process ends with an error.
        async with running(
            publisher.run(),
            _follow(store, store_answered),
            FaultWatch(store.faults, store.clock, "api", settings.operator.interval_sec).run(),
            DescriptorWatch().run(),
            ProcessWatch().run(),
            figures.watch(),
        ):
            await server.serve()
            await background.finish()
    finally:
        await store.close()
    log.info("service.stopped")


def wire(
    settings: Settings,
    store: Store,
    doorbell: Doorbell,
    background: Background,
    *,
    store_answered: asyncio.Event,
    stopping: asyncio.Event,
) -> ApiDependencies:
    """Return the dependencies of the API for *settings*."""
    return ApiDependencies(
        jobs=store.jobs,
        job_feed=store.job_feed,
        batches=store.batches,
        logs=store.logs,
        files=store.files,
        deliveries=store.deliveries,
        endpoints=store.endpoints,
        notifiers=store.notifiers,
        job_types=store.job_types,
        templates=store.templates,
        workers=store.workers,
        keys=store.keys,
        audit=store.audit,
        doorbell=doorbell,
        clock=store.clock,
        admission=Admission(
            cipher=Cipher(settings.security.encryption_keys),
            guard=settings.security.url_guard(),
            file_roots=settings.files.roots,
            models=settings.llm.models,
            buckets=Buckets(settings.s3),
        ),
        ping_store=store.ping,
        disk_room=store.disk_room,
        examine=partial(examine, settings),
        disk_free_share=settings.operator.disk_free_percent / 100,
        store_has_answered=store_answered.is_set,
        is_stopping=stopping.is_set,
        retention=timedelta(days=settings.retention.finished_days),
        public_url=settings.api.public_url,
        in_background=background.start,
        pepper=settings.api.pepper.get_secret_value(),
        source_url=settings.api.source_url,
        metrics_token=settings.security.metrics_access(),
        bootstrap_key=settings.api.bootstrap_key.get_secret_value(),
        max_body_mb=settings.api.max_body_mb,
        max_values=settings.api.max_values,
        turn_sec=settings.api.turn_sec,
        uploads=_upload_limits(settings),
        s3=settings.s3,
        compatible=settings.compatible,
        webhook_test_sec=_webhook_test_sec(settings),
    )


def _upload_limits(settings: Settings) -> UploadLimits:
    section = settings.files
    return UploadLimits(
        max_bytes=int(section.max_upload_mb * MEGABYTE),
        at_once=section.uploads_at_once,
        per_key=section.uploads_per_key,
        turn_sec=settings.api.turn_sec,
        min_kb_per_sec=section.min_upload_kb_per_sec,
        total_sec=section.upload_sec,
    )


def _webhook_test_sec(settings: Settings) -> float:
    """Return the time for one poll of the notifier and one attempt, with a margin."""
    section = settings.notifier
    return section.poll_interval_sec + section.timeout_sec + WEBHOOK_TEST_MARGIN_SEC


def server_config(settings: Settings, app: FastAPI) -> uvicorn.Config:
    """Return the configuration of uvicorn, with our log lines instead of its own."""
    source = settings.api.source_url
    return uvicorn.Config(
        EarlyAnswer(app),
        host=settings.api.host,
        port=settings.api.port,
        http=protocol_with(_connection_limits(settings)),
        ws="none",
        access_log=False,
        lifespan="off",
        log_config=None,
        server_header=False,
        headers=[(SOURCE_HEADER, source)] if source else [],
        timeout_graceful_shutdown=SHUTDOWN_SEC,
    )


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        head_sec=settings.api.head_sec,
        body_sec=settings.api.body_sec,
        requests_at_once=settings.api.limit_concurrency,
        paced_paths=frozenset(path.encode() for path in (uploads.PATH, *installation.UPLOADING)),
    )


async def _follow(store: Store, answered: asyncio.Event) -> None:
    await store.wait_until_ready()
    answered.set()
    async with running(store.watch_schema()):
        await store.keep_time()


def main() -> None:
    """Run the service; an invalid configuration ends it at once with a message."""
    with exit_if_misconfigured("secretary-api"):
        settings = load_settings(require=REQUIRED)
        configure_logging("api", level=settings.log.level, style=settings.log.format)
        with exported("api", settings.tracing.endpoint, settings.tracing.sample_ratio):
            event_loop.run(serve(settings))
