"""The application, made of ready-made collaborators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute

from secretary_api import errors
from secretary_api.auth import Keyring
from secretary_api.dependencies import Services
from secretary_api.job_type import JobTypes
from secretary_api.middleware import BodyLimit, EitherSlash, RequestLog
from secretary_api.routes import health, job_types, jobs, keys
from secretary_api.service import JobService
from secretary_api.submission import Admission
from secretary_common.clock import Clock
from secretary_common.ports import (
    DeliveryRepository,
    Doorbell,
    JobRepository,
    JobTypeRepository,
    KeyRepository,
    LogRepository,
)

VERSION = "0.1.0"
DESCRIPTION = """
Submit long-running work as jobs, follow them, and be told of their end by webhooks.

Every answer stands in an envelope: `{"status": "success", "data": …}` or
`{"status": "error", "error": {"code", "message", "details"}}`; `code` is stable.
Paths work with and without a slash at their end.
"""
ROUTERS = (jobs.router, job_types.router, keys.router, health.router)
MEGABYTE = 1024 * 1024

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the API works with, and the values it is set to."""

    jobs: JobRepository
    logs: LogRepository
    deliveries: DeliveryRepository
    job_types: JobTypeRepository
    keys: KeyRepository
    doorbell: Doorbell
    clock: Clock
    admission: Admission
    ping_store: Callable[[], Awaitable[None]]
    pepper: str
    bootstrap_key: str = ""
    max_body_mb: float = 10
    store_has_answered: Callable[[], bool] = lambda: True


def create_app(parts: Collaborators, lifespan: Lifespan | None = None) -> FastAPI:
    """The HTTP API over *parts*; *lifespan* runs around it."""
    app = FastAPI(
        title="Secretary",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.services = _services(parts)
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    # The last one added is the outermost.
    app.add_middleware(EitherSlash, slashed=_slashed_paths())
    app.add_middleware(BodyLimit, max_bytes=int(parts.max_body_mb * MEGABYTE))
    app.add_middleware(RequestLog)
    return app


def _services(parts: Collaborators) -> Services:
    return Services(
        jobs=JobService(
            jobs=parts.jobs,
            logs=parts.logs,
            deliveries=parts.deliveries,
            job_types=JobTypes(parts.job_types, parts.clock),
            doorbell=parts.doorbell,
            clock=parts.clock,
            admission=parts.admission,
        ),
        keyring=Keyring(
            parts.keys, parts.clock, pepper=parts.pepper, bootstrap_key=parts.bootstrap_key
        ),
        ping_store=parts.ping_store,
        store_has_answered=parts.store_has_answered,
    )


def _slashed_paths() -> list[str]:
    routes = [route for router in ROUTERS for route in router.routes]
    paths = [route.path for route in routes if isinstance(route, APIRoute)]
    return [path for path in paths if path.endswith("/")]
