"""Logs once a minute that a server cannot accept connections.

Without this module, asyncio would log the error thousands of times a second, with a traceback.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable
from typing import Any

from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import ACCEPT_FAILURES

log = get_logger(__name__)

LOG_AGAIN_SEC = 60.0
_NO_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class AcceptErrors:
    """Counts errors of ``accept`` for lack of resources; asyncio handles other errors."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._logged_at: float | None = None
        self._unlogged = 0

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Handle the errors of *loop* from now on."""
        loop.set_exception_handler(self._handle)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        accepting = "accept" in str(context.get("message"))
        if not accepting or not isinstance(error, OSError) or error.errno not in _NO_RESOURCES:
            loop.default_exception_handler(context)
            return
        ACCEPT_FAILURES.inc()
        now = self._monotonic()
        if self._logged_at is not None and now - self._logged_at < LOG_AGAIN_SEC:
            self._unlogged += 1
            return
        log.error("accept.failed", reason=str(error), unlogged=self._unlogged)
        self._logged_at, self._unlogged = now, 0
