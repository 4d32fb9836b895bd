"""The little HTTP server of the services that have no API: alive, ready, metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

Readiness = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
"""Says whether the service can do its work, and why not."""


async def _alive() -> tuple[bool, dict[str, Any]]:
    """Who answers is alive."""
    return True, {}


@asynccontextmanager
async def health_server(
    host: str, port: int, ready: Readiness, live: Readiness = _alive
) -> AsyncIterator[None]:
    """Answer ``/health/live``, ``/health/ready`` and ``/metrics`` on *host*:*port* while inside.

    *port* 0: no server. ``/health/ready`` is 200 or 503 with what *ready* says, ``/health/live``
    with what *live* says: 503 there means that only a restart can help.

    Raises:
        OSError: the port is taken.
    """
    if not port:
        yield
        return
    runner = web.AppRunner(_application(ready, live), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        log.info("health.listening", host=host, port=port)
        yield
    finally:
        await runner.cleanup()


def _application(ready: Readiness, live: Readiness) -> web.Application:
    async def is_live(_: web.Request) -> web.Response:
        ok, details = await live()
        return _answer({"live": ok, **details}, "INTERNAL_ERROR", "stuck", ok=ok)

    async def is_ready(_: web.Request) -> web.Response:
        ok, details = await ready()
        return _answer({"ready": ok, **details}, "STORE_UNAVAILABLE", "not ready", ok=ok)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/health/live", is_live)
    application.router.add_get("/health/ready", is_ready)
    application.router.add_get("/metrics", metrics)
    return application


def _answer(data: dict[str, Any], code: str, message: str, *, ok: bool) -> web.Response:
    if ok:
        return web.json_response({"status": "success", "data": data})
    error = {"code": code, "message": message, "details": data}
    return web.json_response({"status": "error", "error": error}, status=503)
