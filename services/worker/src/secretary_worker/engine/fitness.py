"""Makes a worker that lacks something take no jobs until the worker is fit again.

Without this module an unfit worker would fail each job at once. So it would take more jobs than the
other workers.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from secretary_common.errors import Lack
from secretary_common.runtime.log import get_logger
from secretary_worker.metrics import JOBS_HANDED_BACK_UNFIT, WORKER_UNFIT

log = get_logger(__name__)

FIRST_PAUSE_SEC = 1.0
LONGEST_PAUSE_SEC = 60.0
MOST_DOUBLINGS = 16  # a worker may be unfit for days
JITTER = 0.25
CHECK_SEC = 0.5
PROBE_BYTES = 2**20
PROBE_SEC = 10.0

Probe = Callable[[], None]
"""Checks for one lack: raises an error if the worker still has this lack."""


class Fitness:
    """Keeps the lacks that jobs report, and the pause in which the worker takes no jobs.

    After a report the worker pauses, then probes itself. If a probe fails, the worker pauses again,
    each time for longer. A lack without a probe ends with the pause. After a completed job the next
    pause is short again.
    """

    def __init__(
        self,
        probes: Mapping[Lack, Probe],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """*probes*: a probe for each lack that the worker can check; it runs in a thread."""
        self._probes = probes
        self._monotonic = monotonic
        self._jitter = jitter
        self._lacks: dict[Lack, str] = {}
        self._failures = 0
        self._paused_until = 0.0

    @property
    def is_fit(self) -> bool:
        """Whether the worker may take jobs."""
        return not self._lacks

    @property
    def lacks(self) -> dict[str, str]:
        """The lacks of the worker, each with a message for operators."""
        return {lack.value: message for lack, message in self._lacks.items()}

    def report(self, lack: Lack, message: str) -> None:
        """Record that a job was handed back because of *lack*, and start a pause."""
        JOBS_HANDED_BACK_UNFIT.labels(lack.value).inc()
        self._add(lack, message)
        self._pause()

    def record_work(self) -> None:
        """Record that a job was completed."""
        self._failures = 0

    async def run(self) -> None:
        """Probe the worker after each pause, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SEC)
            if self._lacks and self._monotonic() >= self._paused_until:
                await self.probe()

    async def probe(self) -> None:
        """Forget each lack whose probe succeeds or that has no probe. Pause if a lack is left."""
        for lack in list(self._lacks):
            try:
                if probe := self._probes.get(lack):
                    await asyncio.to_thread(probe)
            except Exception as error:  # noqa: BLE001 - after any error the worker is unfit
                self._add(lack, str(error) or type(error).__name__)
            else:
                del self._lacks[lack]
                WORKER_UNFIT.labels(lack.value).set(0)
                log.info("worker.fit", reason=lack.value)
        if self._lacks:
            self._pause()

    def _add(self, lack: Lack, message: str) -> None:
        if lack not in self._lacks:
            log.error("worker.unfit", reason=lack.value, message=message[:300])
        self._lacks[lack] = message[:300]
        WORKER_UNFIT.labels(lack.value).set(1)

    def _pause(self) -> None:
        pause = min(FIRST_PAUSE_SEC * 2.0**self._failures, LONGEST_PAUSE_SEC)
        self._failures = min(self._failures + 1, MOST_DOUBLINGS)
        self._paused_until = self._monotonic() + pause * (1 + JITTER * self._jitter())


def probes_of(file_roots: Iterable[Path]) -> dict[Lack, Probe]:
    """Return the probes of a worker that reads files under *file_roots*."""
    roots = list(file_roots)
    return {
        Lack.PROCESSES: probe_processes,
        Lack.DESCRIPTORS: probe_processes,
        Lack.TEMPORARY_FILES: probe_temporary_files,
        Lack.ROOM: probe_temporary_files,
        Lack.FILE_ROOTS: lambda: probe_file_roots(roots),
    }


def probe_processes() -> None:
    """Start a process and open as many sockets as for a child of the sandbox.

    Raises:
        OSError: the process cannot be started, or a socket cannot be opened.
        subprocess.SubprocessError: the process fails or takes too long.
    """
    pairs = [socket.socketpair() for _ in range(3)]
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", ""],
            check=True,
            timeout=PROBE_SEC,
            stderr=subprocess.PIPE,
        )
    finally:
        for one, other in pairs:
            one.close()
            other.close()


def probe_temporary_files() -> None:
    """Write a temporary file.

    Raises:
        OSError: the file cannot be made or written.
    """
    with tempfile.TemporaryFile() as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()


def probe_file_roots(roots: Iterable[Path]) -> None:
    """List each of *roots*.

    Raises:
        OSError: a folder cannot be read.
    """
    for root in roots:
        with os.scandir(root) as entries:
            next(entries, None)
