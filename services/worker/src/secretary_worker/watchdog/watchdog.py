"""The worker's handle on its watchdog: starts it, and shows it that the engine's loop turns."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress

from secretary_common.runtime.log import get_logger
from secretary_worker.watchdog import process
from secretary_worker.watchdog.marks import Marks

log = get_logger(__name__)

TICKS = 15
"""A worker is taken for frozen when it has missed so many ticks."""
SHARE_OF_LEASE = 1 / 2
"""The TICKS take so much of a lease. A lease has two thirds of its term left at least when the
worker freezes. So a sixth is left to record the job before another worker may take it."""

_END_SEC = 5.0


class Watchdog:
    """Keeps a watchdog process for as long as the worker works.

    It is armed by the engine's loop, and by nothing else: MongoDB and RabbitMQ may be away.
    """

    def __init__(self, marks: Marks, *, owner: str, lease_sec: float) -> None:
        """*marks* tell it whose code runs; *owner* is the owner of the worker's leases."""
        self._marks = marks
        self._owner = owner
        self._tick_sec = lease_sec * SHARE_OF_LEASE / TICKS
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Show the watchdog that the engine lives until *stop* is set, then send it away.

        A worker that drains is not watched: whatever ends it then is no job's fault. A watchdog
        that died is replaced.
        """
        try:
            while not stop.is_set():
                self._beat()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._tick_sec):
                        await stop.wait()
        finally:
            self._tell(process.GOODBYE)
            await asyncio.to_thread(self._bury)

    def _beat(self) -> None:
        if self._process is not None and not self._tell(process.BEAT):
            log.warning("watchdog.lost")
            self._bury()
        if self._process is None:
            self._try_to_launch()

    def _try_to_launch(self) -> None:
        try:
            self._launch()
        except OSError as error:  # no descriptors, no memory: the next tick tries again
            if not self._failed:
                log.error("watchdog.not_started", exc=error)
            self._failed = True
        else:
            self._failed = False

    def _launch(self) -> None:
        child = subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-I", "-B", "-X", "utf8", "-m", process.__name__),
                *(str(os.getpid()), self._owner, str(self._tick_sec), str(TICKS)),
                str(self._marks.fileno()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[self._marks.fileno()],
            start_new_session=True,  # Ctrl-C and the end of the worker's group are not for it
        )
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
        self._process = child

    def _tell(self, what: bytes) -> bool:
        """Write to the watchdog; False if it has died."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            os.write(self._process.stdin.fileno(), what)
        except BlockingIOError:  # it is stopped, and has enough to read
            return True
        except BrokenPipeError:
            return False
        return True

    def _bury(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SEC)
        self._process = None
