"""An HTTP server for tests of downloads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving(routes: web.RouteTableDef) -> AsyncIterator[str]:
    """Serve *routes* on this machine; yield the origin of their URLs, without a slash.

    In the loop of the test: what a handler writes in one go arrives in one go.
    """
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
