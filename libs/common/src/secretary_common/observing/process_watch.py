"""Measures what a process needs of its machine: turns of its event loop, and room on disks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from secretary_common.runtime.metrics import DISK_FREE, DISK_SIZE, LOOP_LAG

WATCH_SEC = 1.0


class ProcessWatch:
    """Measures the lag of the event loop in which ``run`` runs, and the room in folders."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        """*folders*: their disks are measured whenever the metrics are read."""
        for folder in folders:
            DISK_FREE.labels(str(folder)).set_function(_room(folder, _free_bytes))
            DISK_SIZE.labels(str(folder)).set_function(_room(folder, _size_bytes))

    async def run(self) -> None:
        """Measure once a second, until cancelled."""
        while True:
            started = time.monotonic()
            await asyncio.sleep(WATCH_SEC)
            LOOP_LAG.observe(max(0.0, time.monotonic() - started - WATCH_SEC))


def _free_bytes(room: os.statvfs_result) -> int:
    return room.f_bavail * room.f_frsize


def _size_bytes(room: os.statvfs_result) -> int:
    return room.f_blocks * room.f_frsize


def _room(folder: Path, measure: Callable[[os.statvfs_result], int]) -> Callable[[], float]:
    """Return a function that measures the disk of *folder*; NaN if the folder cannot be read."""

    def value() -> float:
        with contextlib.suppress(OSError):
            return float(measure(os.statvfs(folder)))
        return float("nan")

    return value
