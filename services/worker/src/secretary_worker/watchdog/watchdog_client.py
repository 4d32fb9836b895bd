"""Starts the watchdog process and sends it a beat at each tick of the engine's loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress

from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import Failures, resilient_loop
from secretary_worker.watchdog import process
from secretary_worker.watchdog.marks import Marks

log = get_logger(__name__)

TICKS = 15
"""A worker counts as frozen after this many missed ticks."""
SHARE_OF_LEASE = 1 / 2
"""The share of a lease's term that ``TICKS`` take. When a worker freezes, each of its leases has
at least two thirds of its term left. So a sixth is left to record the failure before another
worker may claim the job."""

_END_SEC = 5.0


class WatchdogClient:
    """Keeps a watchdog process running until the worker is asked to stop.

    Only the engine's loop sends beats, so an outage of MongoDB or RabbitMQ does not matter.
    """

    def __init__(self, marks: Marks, *, owner: str, lease_sec: float) -> None:
        """*marks* show which job's code runs; *owner* is the owner of the worker's leases."""
        self._marks = marks
        self._owner = owner
        self._tick_sec = lease_sec * SHARE_OF_LEASE / TICKS
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Send beats until *stop* is set, then end the watchdog process.

        A dead watchdog process is replaced. A worker that drains is not watched, because no job is
        to blame if the worker is killed then.
        """
        try:
            failures = Failures(
                "watchdog", first_wait_sec=self._tick_sec, longest_wait_sec=self._tick_sec
            )
            await resilient_loop(
                "watchdog", self._beat, pause_sec=self._tick_sec, stopping=stop, failures=failures
            )
        finally:
            self._send(process.GOODBYE)
            await asyncio.to_thread(self._reap)

    async def _beat(self) -> None:
        if self._process is not None and not self._send(process.BEAT):
            log.warning("watchdog.lost")
            self._reap()
        if self._process is None:
            self._try_to_launch()

    def _try_to_launch(self) -> None:
        try:
            self._launch()
        except OSError as error:  # no descriptors or no memory: the next tick tries again
            if not self._failed:
                log.error("watchdog.not_started", exc=error)
            self._failed = True
        else:
            self._failed = False

    def _launch(self) -> None:
        child = subprocess.Popen(  # noqa: S603 - the arguments are the worker's own
            [
                *(sys.executable, "-I", "-B", "-X", "utf8", "-m", process.__name__),
                *(str(os.getpid()), self._owner, str(self._tick_sec), str(TICKS)),
                str(self._marks.fileno()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[self._marks.fileno()],
            start_new_session=True,  # Ctrl-C must not reach the watchdog
        )
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
        self._process = child

    def _send(self, message: bytes) -> bool:
        """Write to the watchdog process; return False if it does not run."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            os.write(self._process.stdin.fileno(), message)
        except BlockingIOError:  # the watchdog is stopped, and its pipe is full
            return True
        except BrokenPipeError:
            return False
        return True

    def _reap(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SEC)
        self._process = None
