"""``secretary-api``: reads the settings, builds the objects, and serves until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType

import uvicorn
from fastapi import FastAPI

from secretary_api.app import create_app
from secretary_api.compatible import installation
from secretary_api.http.bounded_protocol import protocol_with
from secretary_api.http.connection_limits import ConnectionLimits
from secretary_api.http.early_answer import EarlyAnswer
from secretary_api.overview.queue_figures import QueueFigures
from secretary_api.routes import uploads
from secretary_api.wiring.api_dependencies import wire
from secretary_common.broker.publisher import Publisher
from secretary_common.mongo.store import Store, open_store
from secretary_common.observing.otlp import exported
from secretary_common.observing.process_watch import ProcessWatch
from secretary_common.operator_events.watch import FaultWatch
from secretary_common.runtime import event_loop
from secretary_common.runtime.descriptor_watch import DescriptorWatch
from secretary_common.runtime.lifecycle import Background, running
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.settings.settings import (
    Settings,
    check_address,
    exit_if_misconfigured,
    load_settings,
)

log = get_logger(__name__)

REQUIRED = ("security.encryption_keys", "api.pepper")
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
