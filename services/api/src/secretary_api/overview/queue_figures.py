"""Reads the figures of the whole database for the metrics, at most every few seconds.

Only the API shows them, so each figure comes from one service. Several processes of the API show
the same figures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import Gauge

from secretary_api.jobs.job_types import KnownJobTypes
from secretary_api.workers import count_by_type
from secretary_common.errors import SecretaryError
from secretary_common.observing.lasting_fault import LastingFault
from secretary_common.ports import (
    DeliveryRepository,
    JobRepository,
    NotifierRepository,
    WorkerRepository,
)
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import resilient_loop

log = get_logger(__name__)

MAX_AGE_SEC = 5.0
WATCH_SEC = 30.0
MOST_COUNTED = 100_000
"""More waiting, scheduled or running jobs of a type are not counted: a count reads the index."""
NOTIFIER_SILENCE = timedelta(seconds=30)

WAITING = Gauge("secretary_jobs_waiting", "Jobs that are due and not claimed", ["job_type"])
SCHEDULED = Gauge(
    "secretary_jobs_scheduled", "Jobs that are due later, retries included", ["job_type"]
)
RUNNING = Gauge("secretary_jobs_running", "Jobs that workers run", ["job_type"])
OLDEST_WAIT = Gauge(
    "secretary_jobs_oldest_wait_seconds",
    "Seconds since the job that waits longest became due",
    ["job_type"],
)
TYPE_WORKERS = Gauge(
    "secretary_job_type_workers", "Living workers that take jobs of this type", ["job_type"]
)
TYPE_PAUSED = Gauge("secretary_job_type_paused", "1 while this type is paused", ["job_type"])
BY_TYPE = (WAITING, SCHEDULED, RUNNING, OLDEST_WAIT, TYPE_WORKERS, TYPE_PAUSED)
DELIVERIES_PENDING = Gauge("secretary_deliveries_pending", "Webhooks that wait or are being sent")
DELIVERIES_DEAD = Gauge("secretary_deliveries_dead", "Webhooks that ended undelivered and are kept")
OLDEST_DUE = Gauge(
    "secretary_deliveries_oldest_due_seconds",
    "Seconds since the webhook that waits longest became due; also behind an open breaker",
)
NOTIFIERS_ALIVE = Gauge("secretary_notifiers_alive", "1 while a notifier reports itself, else 0")
MONGO_DISK_FREE = Gauge("secretary_mongo_disk_free_bytes", "Free space of MongoDB's disk")
MONGO_DISK_SIZE = Gauge("secretary_mongo_disk_size_bytes", "Size of MongoDB's disk")
OF_DATABASE = (
    *(DELIVERIES_PENDING, DELIVERIES_DEAD, OLDEST_DUE),
    *(NOTIFIERS_ALIVE, MONGO_DISK_FREE, MONGO_DISK_SIZE),
)


@dataclass(slots=True)
class QueueFigures:
    """Sets the gauges of this module. Each of its queries walks an index, and its counts end."""

    jobs: JobRepository
    job_types: KnownJobTypes
    workers: WorkerRepository
    deliveries: DeliveryRepository
    notifiers: NotifierRepository
    clock: Clock
    disk_room: Callable[[], Awaitable[tuple[float, float] | None]]
    """Returns the free space and the size of MongoDB's disk; None: unknown."""
    disk_free_share: float = 0.1
    """MongoDB's disk is almost full if a smaller share of it is free."""
    monotonic: Callable[[], float] = time.monotonic
    _disk_low: LastingFault = field(default_factory=lambda: LastingFault("disk.low"))
    _without_worker: dict[str, LastingFault] = field(default_factory=dict)
    _read_at: float | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def watch(self) -> None:
        """Read the figures every half minute, so that their faults are logged; until cancelled."""
        await resilient_loop("queue_figures", self.refresh, pause_sec=WATCH_SEC)

    async def refresh(self) -> None:
        """Read the figures if the last ones are older than ``MAX_AGE_SEC``.

        If MongoDB does not answer, there are no figures rather than old ones.
        """
        async with self._reading:  # concurrent callers share one read
            if self._read_at is not None and self.monotonic() - self._read_at < MAX_AGE_SEC:
                return
            try:
                await self._read_types()
                await self._read_deliveries()
                await self._read_disk()
            except SecretaryError:
                _forget()
            self._read_at = self.monotonic()

    async def _read_types(self) -> None:
        now, infos = self.clock.now(), await self.job_types.all()
        names = [info.job_type for info in infos]
        found, reports = await asyncio.gather(
            self.jobs.statistics(names, now, most=MOST_COUNTED), self.workers.alive(now)
        )
        living = count_by_type(reports)
        for gauge in BY_TYPE:
            gauge.clear()  # of types that are gone
        for info in infos:
            name, one = info.job_type, found[info.job_type]
            self._note_workers(name, 0 if info.paused else one.waiting, living[name])
            values = (one.waiting, one.scheduled, one.running, one.oldest_wait_sec)
            for gauge, value in zip(BY_TYPE, (*values, living[name], info.paused), strict=True):
                gauge.labels(name).set(value)

    def _note_workers(self, job_type: str, waiting: int, workers: int) -> None:
        """Log once a minute that jobs wait and no worker takes their type, and the end of that."""
        fault = self._without_worker.setdefault(
            job_type, LastingFault("job_type.without_worker", job_type, monotonic=self.monotonic)
        )
        if waiting and not workers:
            if fault.record(job_type=job_type, waiting=waiting):
                log.warning("job_type.without_worker", job_type=job_type, waiting=waiting)
        elif (lasted_sec := fault.end()) is not None:
            log.info("job_type.has_worker", job_type=job_type, lasted_sec=lasted_sec)

    async def _read_deliveries(self) -> None:
        now = self.clock.now()
        counts, lanes, notified = await asyncio.gather(
            self.deliveries.counts(),
            self.deliveries.waiting_lanes(),
            self.notifiers.any_alive(now - NOTIFIER_SILENCE),
        )
        oldest = min(lanes.values(), default=now)
        DELIVERIES_PENDING.set(counts["pending"])
        DELIVERIES_DEAD.set(counts["dead"])
        OLDEST_DUE.set(max(0.0, (now - oldest).total_seconds()))
        NOTIFIERS_ALIVE.set(notified)

    async def _read_disk(self) -> None:
        if room := await self.disk_room():
            MONGO_DISK_FREE.set(room[0])
            MONGO_DISK_SIZE.set(room[1])
            self._note_disk(*room)

    def _note_disk(self, free: float, size: float) -> None:
        """Log once a minute that MongoDB's disk is almost full, and the end of that."""
        if free < self.disk_free_share * size:
            free_mb = round(free / 2**20)
            if self._disk_low.record(free_mb=free_mb):
                log.warning("disk.low", free_mb=free_mb)
        elif (lasted_sec := self._disk_low.end()) is not None:
            log.info("disk.has_room", lasted_sec=lasted_sec)


def _forget() -> None:
    for gauge in BY_TYPE:
        gauge.clear()
    for gauge in OF_DATABASE:
        gauge.set(float("nan"))
