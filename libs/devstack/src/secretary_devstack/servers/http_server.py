"""An HTTP server in a thread of its own. Tests with and without an event loop can use it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from aiohttp import web

from secretary_devstack.deadline import wait_until
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.startable import Startable

START_SEC = 10.0


class HttpServer(Startable):
    """Serves one application on a free port of this machine."""

    def __init__(self, make_app: Callable[[], web.Application], *, name: str) -> None:
        """*make_app* is called in the server's thread; *name* appears in messages."""
        self.port = free_port()
        self._name = name
        self._make_app = make_app
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def url(self, path: str) -> str:
        """Return the URL of *path* on this server."""
        return f"http://{HOST}:{self.port}{path}"

    def start(self) -> None:
        """Start the thread; return when the server listens. A server can be started only once.

        Raises:
            NotInTime: the server does not listen after ``START_SEC``.
        """
        self._thread.start()
        wait_until(self._ready.is_set, timeout_sec=START_SEC, what=f"the {self._name}")

    def stop(self) -> None:
        """Stop to listen, cancel the request handlers, and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(self._end_handlers())
        finally:
            self._loop.close()

    async def _end_handlers(self) -> None:
        """Cancel request handlers that still run although their client has disconnected."""
        handlers = asyncio.all_tasks() - {asyncio.current_task()}
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    async def _serve(self) -> None:
        runner = web.AppRunner(self._make_app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.port).start()
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
