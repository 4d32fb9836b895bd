"""Reports this worker to the store, and finds its place among the living workers.

A worker reports at each heartbeat, and when its state changes.
"""

from __future__ import annotations

import os
import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from secretary_common.models import RunningJob, WorkerReport
from secretary_common.ports import WorkerRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import Failures, resilient_loop

log = get_logger(__name__)

# After this many missed heartbeats a worker counts as dead.
HEARTBEATS = 3
CHECK_SEC = 1.0
PLACE_SEC = 5.0


@dataclass(frozen=True, slots=True)
class WorkerState:
    """The part of a worker's report that changes while it runs."""

    running: list[RunningJob]
    listening: bool
    """Whether the worker consumes doorbells."""
    unfit: dict[str, str]
    """The lacks of the worker, each with a message."""


class Heartbeat:
    """Reports one worker while ``run`` runs, and removes the report at the end."""

    def __init__(
        self,
        workers: WorkerRepository,
        clock: Clock,
        state: Callable[[], WorkerState],
        *,
        worker_id: str,
        job_types: list[str],
        slots: int,
        active: bool,
        heartbeat_sec: float,
    ) -> None:
        """*state* returns the current state of the worker."""
        self._workers = workers
        self._clock = clock
        self._state = state
        self._worker_id = worker_id
        self._heartbeat_sec = heartbeat_sec
        self._reported: WorkerState | None = None
        self._reported_at = 0.0
        self._fixed: dict[str, Any] = {
            "worker_id": worker_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": clock.now(),
            "job_types": sorted(job_types),
            "slots": slots,
            "active": active,
        }

    async def run(self) -> None:
        """Report until cancelled."""
        try:
            await resilient_loop(
                "heartbeat",
                self._report_if_due,
                pause_sec=min(CHECK_SEC, self._heartbeat_sec),
                failures=Failures("heartbeat", longest_wait_sec=self._heartbeat_sec),
            )
        finally:
            await self._remove()

    async def _report_if_due(self) -> None:
        state, now = self._state(), time.monotonic()
        if state != self._reported or now - self._reported_at >= self._heartbeat_sec:
            await self._report(state)
            self._reported, self._reported_at = state, now

    async def _report(self, state: WorkerState) -> None:
        now = self._clock.now()
        report = WorkerReport(
            **self._fixed,
            seen_at=now,
            alive_until=now + timedelta(seconds=HEARTBEATS * self._heartbeat_sec),
            running=state.running,
            listening=state.listening,
            unfit=state.unfit,
        )
        await self._workers.report(report)

    async def _remove(self) -> None:
        try:
            await self._workers.forget(self._worker_id)
        except Exception as error:  # noqa: BLE001 - the report expires by itself
            log.info("worker.report_left", reason=repr(error)[:300])


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one worker among all living workers, which part the waiting jobs."""

    index: int
    of: int

    def owns(self, job_id: str) -> bool:
        """Return whether *job_id* belongs to the share of this worker."""
        return zlib.crc32(job_id.encode()) % self.of == self.index


ALONE = Place(0, 1)


async def alone() -> Place:
    """Return the place of a worker that knows of no other worker."""
    return ALONE


class LivingWorkers:
    """Knows the place of one worker among the workers that claim the same types of jobs."""

    def __init__(
        self,
        workers: WorkerRepository | None,
        clock: Clock,
        *,
        worker_id: str,
        job_types: Iterable[str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*workers* has the reports of all workers; None: the worker takes no notice of others."""
        self._workers = workers
        self._clock = clock
        self._worker_id = worker_id
        self._job_types = frozenset(job_types)
        self._monotonic = monotonic
        self._place = ALONE
        self._read_at: float | None = None

    async def place(self) -> Place:
        """Return the place of the worker; it is read at most every ``PLACE_SEC``.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        now = self._monotonic()
        if self._read_at is None or now - self._read_at > PLACE_SEC:
            self._place, self._read_at = await self._read(), now
        return self._place

    async def _read(self) -> Place:
        alive = await self._workers.alive(self._clock.now()) if self._workers else []
        rivals = [
            one.worker_id
            for one in alive
            if one.active and not self._job_types.isdisjoint(one.job_types)
        ]
        if self._worker_id not in rivals:
            return ALONE
        return Place(rivals.index(self._worker_id), len(rivals))
