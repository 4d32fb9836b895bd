"""The event loop the handlers run in: a thread of its own, so that one that blocks it harms itself.

The engine (claims, leases, writes) stays on the main loop and goes on renewing leases meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any


class HandlerRun:
    """One handler under way in the handlers' loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, handler: Coroutine[Any, Any, None]) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self.ended: Future[BaseException | None] = Future()
        """Set when the handler has really ended: to what it raised, or None."""
        loop.call_soon_threadsafe(self._start, handler)

    def cancel(self) -> None:
        """Raise ``CancelledError`` in the handler at its next await; ``ended`` tells the rest."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _start(self, handler: Coroutine[Any, Any, None]) -> None:
        self._task = self._loop.create_task(handler)
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[None]) -> None:
        self.ended.set_result(asyncio.CancelledError() if task.cancelled() else task.exception())


class HandlerLoop:
    """A running event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="handlers", daemon=True)
        self._thread.start()

    def start(self, handler: Coroutine[Any, Any, None]) -> HandlerRun:
        """Run *handler* there."""
        return HandlerRun(self._loop, handler)

    def close(self, timeout_sec: float) -> None:
        """Stop the loop; a handler that still blocks it is left behind after *timeout_sec*."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout_sec)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._cancel_leftovers()
        finally:
            self._loop.close()

    def _cancel_leftovers(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
