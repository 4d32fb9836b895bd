"""Logs once a minute that the process has no descriptor left, and counts the failed checks.

The server of uvloop reports nothing: without a descriptor it closes each new connection at once.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable

from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DESCRIPTOR_SHORTAGES

log = get_logger(__name__)

CHECK_SEC = 5.0
LOG_AGAIN_SEC = 60.0
_NO_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def open_one() -> None:
    """Open a descriptor and close it.

    Raises:
        OSError: there is none left.
    """
    os.close(os.open(os.devnull, os.O_RDONLY))


class DescriptorWatch:
    """Checks every ``CHECK_SEC`` seconds whether the process can open a descriptor."""

    def __init__(
        self,
        attempt: Callable[[], None] = open_one,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*attempt* opens a descriptor; *monotonic* is a clock in seconds."""
        self._attempt = attempt
        self._monotonic = monotonic
        self._logged_at: float | None = None

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            self.check()
            await asyncio.sleep(CHECK_SEC)

    def check(self) -> None:
        """Check once."""
        try:
            self._attempt()
        except OSError as error:
            if error.errno in _NO_RESOURCES:
                self._note(error)

    def _note(self, error: OSError) -> None:
        DESCRIPTOR_SHORTAGES.inc()
        now = self._monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_AGAIN_SEC:
            log.error("descriptors.exhausted", reason=str(error))
            self._logged_at = now
