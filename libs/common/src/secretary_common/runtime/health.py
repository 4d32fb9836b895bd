"""The small HTTP server of the worker and the notifier: liveness, readiness, metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from secretary_common.errors import ErrorCode
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics_token import NO_TOKEN, MetricsToken

log = get_logger(__name__)

Readiness = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
"""Returns whether the service can do its work, and details."""


async def _alive() -> tuple[bool, dict[str, Any]]:
    """Report that the process lives, because it answers."""
    return True, {}


@asynccontextmanager
async def health_server(
    host: str,
    port: int,
    ready: Readiness,
    live: Readiness = _alive,
    *,
    metrics_token: MetricsToken = NO_TOKEN,
) -> AsyncIterator[None]:
    """Serve ``/health/live``, ``/health/ready`` and ``/metrics`` on *host*:*port* in the block.

    With *port* 0 there is no server. ``/health/ready`` answers 200 or 503 with the result of
    *ready*, ``/health/live`` with the result of *live*. 503 of ``/health/live`` means that only a
    restart can help. If *metrics_token* is set, ``/metrics`` answers 401 without it.

    Raises:
        OSError: the port is in use.
    """
    if not port:
        yield
        return
    runner = web.AppRunner(
        _application(ready, live, metrics_token), access_log=None, handle_signals=False
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        log.info("health.listening", host=host, port=port)
        yield
    finally:
        await runner.cleanup()


def _application(ready: Readiness, live: Readiness, token: MetricsToken) -> web.Application:
    async def is_live(_: web.Request) -> web.Response:
        ok, details = await live()
        return _answer({"live": ok, **details}, ErrorCode.INTERNAL_ERROR, "stuck", ok=ok)

    async def is_ready(_: web.Request) -> web.Response:
        ok, details = await ready()
        is_unfit = bool(details.get("unfit"))
        code = ErrorCode.WORKER_UNFIT if is_unfit else ErrorCode.STORE_UNAVAILABLE
        return _answer({"ready": ok, **details}, code, "not ready", ok=ok)

    async def metrics(request: web.Request) -> web.Response:
        if not token.admits(request.headers.get("Authorization", "")):
            message = "this needs the header Authorization: Bearer, with security.metrics_token"
            body = _failure(ErrorCode.UNAUTHORIZED, message, None)
            return web.json_response(body, status=401, headers={"WWW-Authenticate": "Bearer"})
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/health/live", is_live)
    application.router.add_get("/health/ready", is_ready)
    application.router.add_get("/metrics", metrics)
    return application


def _answer(data: dict[str, Any], code: ErrorCode, message: str, *, ok: bool) -> web.Response:
    if ok:
        return web.json_response({"status": "success", "data": data})
    return web.json_response(_failure(code, message, data), status=503)


def _failure(code: ErrorCode, message: str, details: dict[str, Any] | None) -> dict[str, Any]:
    return {"status": "error", "error": {"code": code, "message": message, "details": details}}
