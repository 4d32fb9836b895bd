"""The FastAPI application, built from its dependencies."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from secretary_api.compatible import installation
from secretary_api.dashboard import pages, sign_in
from secretary_api.description import document
from secretary_api.http import errors
from secretary_api.http.form_parts import FRAMING_BYTES
from secretary_api.http.middleware import BodyLimit, Limit, OptionalSlash, RequestLog, RequestTrace
from secretary_api.routes import (
    actions,
    batches,
    deliveries,
    endpoints,
    files,
    health,
    job_types,
    jobs,
    keys,
    reference,
    stream,
    uploads,
    workers,
)
from secretary_api.wiring.api_dependencies import ApiDependencies
from secretary_api.wiring.services import services_over
from secretary_common.observing import tracing

VERSION = "0.1.0"
DESCRIPTION = """
Submit long-running work as jobs, follow them, and receive their end by webhooks.

Every answer has an envelope: `{"status": "success", "data": …}` or
`{"status": "error", "error": {"code", "message", "details"}}`; `code` is stable.
Paths work with and without a trailing slash.
"""
LICENCE = "AGPL-3.0-or-later"
ROUTERS = (
    batches.busy,  # most requests are for the first three
    batches.listing,
    jobs.busy,
    batches.router,  # before jobs: "batch" is not the id of a job
    jobs.router,
    stream.router,
    stream.feed,
    files.router,
    uploads.router,
    actions.by_filter,
    actions.router,
    deliveries.router,
    endpoints.router,
    job_types.router,
    workers.router,
    keys.router,
    keys.audit,
    health.router,
    reference.router,
    pages.router,
    sign_in.router,
)
MEGABYTE = 1024 * 1024


class _Application(FastAPI):
    """FastAPI without its layers that do nothing here, because each request pays for them.

    They answer unexpected errors (``RequestLog`` does), report errors to FastAPI's telemetry (it is
    off) and limit bodies (``BodyLimit`` does).
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Return the layers from the added middleware down to the router."""
        app: ASGIApp = ExceptionMiddleware(
            AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers
        )
        for layer in reversed(self.user_middleware):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app


def create_app(parts: ApiDependencies) -> FastAPI:
    """Return the HTTP API over *parts*."""
    app = _Application(
        title="Secretary",
        version=VERSION,
        description=DESCRIPTION + _source(parts.source_url),
        license_info={"name": LICENCE, "identifier": LICENCE},
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        # Secretary has its own. FastAPI's logs would have the messages of unhandled exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.services = services_over(parts)
    for router in ROUTERS:
        # Not included: FastAPI makes the routes of an included router a second time, and looks for
        # the route of each request again.
        app.router.routes.extend(router.routes)
    installation.install(app, app.state.services, parts.compatible)
    errors.install(app)
    document.install(app)
    # The middleware that is added last is the outermost.
    app.add_middleware(OptionalSlash, slashed=_slashed_paths())
    app.add_middleware(
        BodyLimit,
        limit=Limit(int(parts.max_body_mb * MEGABYTE), "api.max_body_mb"),
        others=dict.fromkeys(
            (uploads.PATH, *installation.UPLOADING),
            Limit(parts.uploads.max_bytes + FRAMING_BYTES, "files.max_upload_mb"),
        ),
    )
    app.add_middleware(RequestLog)
    if tracing.is_on():
        app.add_middleware(RequestTrace)
    return app


def _source(url: str) -> str:
    """Return the offer of the source code that section 13 of the AGPL asks for."""
    where = f"is at [{url}]({url})" if url else "is available from the operator of this service"
    return f"\nThe source code of this service {where}, under the {LICENCE}.\n"


def _slashed_paths() -> list[str]:
    routes = [route for router in ROUTERS for route in router.routes]
    paths = [route.path for route in routes if isinstance(route, APIRoute)]
    return [path for path in paths if path.endswith("/")]
