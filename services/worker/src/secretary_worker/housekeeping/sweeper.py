"""Removes expired or deleted jobs with all they own, unnamed files and old batches.

A file is unnamed if no document names it.

One worker sweeps at a time, under a lock in MongoDB. Each step may be repeated. A job document is
removed last, after its files, logs and deliveries. So after a crash the next round finds the job
and removes the rest. While the idempotency key of a job counts, a tombstone of the job stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from secretary_common.errors import StoreUnavailable
from secretary_common.models import KEY_KEPT, FileInfo
from secretary_common.models.file import UNNAMED_KEPT
from secretary_common.ports import (
    DeliveryRepository,
    Expired,
    FileRepository,
    LockRepository,
    LogRepository,
    RemovalRepository,
)
from secretary_common.ports.removal import Place
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import Failures, resilient_loop
from secretary_worker.housekeeping.eviction import Eviction

log = get_logger(__name__)

T = TypeVar("T", Expired, FileInfo)

LOCK = "sweeper"
LOCK_SEC = 120.0
"""If the sweeping worker dies, another one takes over after this time."""
JOBS_A_ROUND = 500
FILES_A_ROUND = 500
BATCHES_A_ROUND = 500
HIDDEN_A_ROUND = 100
LOGS_AT_ONCE = 2000
FILES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Swept:
    """The numbers of documents that a round has removed, by kind."""

    jobs: int = 0
    files: int = 0
    batches: int = 0
    cached: int = 0


class LockLost(Exception):
    """Another worker has the lock."""


class Sweeper:
    """Removes expired documents and files, as long as this worker has the lock."""

    def __init__(
        self,
        *,
        removal: RemovalRepository,
        files: FileRepository,
        logs: LogRepository,
        deliveries: DeliveryRepository,
        locks: LockRepository,
        eviction: Eviction,
        clock: Clock,
        owner: str,
        retention: timedelta,
        grace_sec: float,
        interval_sec: float,
    ) -> None:
        """*grace_sec*: how long an attempt that lost its lease may still write logs and files."""
        self._removal = removal
        self._files = files
        self._logs = logs
        self._deliveries = deliveries
        self._locks = locks
        self._eviction = eviction
        self._clock = clock
        self._owner = owner
        self._retention = retention
        self._grace = timedelta(seconds=grace_sec)
        self._interval_sec = interval_sec
        self._locked_until: datetime | None = None
        self._job_place: Place | None = None
        self._batch_place: Place | None = None

    async def run(self) -> None:
        """Sweep every ``interval_sec`` until cancelled; then release the lock."""
        try:
            await resilient_loop(
                "sweeper",
                self._round_logged,
                pause_sec=self._interval_sec,
                failures=Failures(
                    "sweeper",
                    first_wait_sec=self._interval_sec,
                    longest_wait_sec=self._interval_sec,
                ),
            )
        finally:
            with contextlib.suppress(Exception):  # the lock expires by itself
                await self._locks.release(LOCK, self._owner)

    async def round(self) -> Swept | None:
        """Do a bounded part of the work; return None if another worker has the lock.

        Raises:
            StoreUnavailable: MongoDB did not answer; the next round continues.
        """
        try:
            await self._lock()
            if hidden := await self._removal.set_aside_hidden(HIDDEN_A_ROUND):
                log.warning("sweep.unreadable_found", count=hidden)
            return Swept(
                jobs=await self._sweep_jobs(),
                files=await self._sweep_files(),
                batches=await self._sweep_batches(),
                cached=await self._eviction.round(self._lock),
            )
        except LockLost:
            return None

    async def _round_logged(self) -> None:
        swept = await self.round()
        if swept and swept != Swept():
            log.info("sweep.done", **asdict(swept))

    async def _lock(self) -> None:
        """Take the lock, or extend it if less than half of its time is left.

        Raises:
            LockLost: another worker has it.
        """
        now = self._clock.now()
        until = now + timedelta(seconds=LOCK_SEC)
        left = self._locked_until - now if self._locked_until else timedelta()
        if left > timedelta(seconds=LOCK_SEC / 2):
            return
        if not await self._locks.take(LOCK, self._owner, now, until):
            raise LockLost
        self._locked_until = until

    async def _sweep_jobs(self) -> int:
        before = self._clock.now() - self._grace
        found = await self._removal.expired_jobs(before, JOBS_A_ROUND, after=self._job_place)
        # Jobs that wait for a delivery are skipped. At its end the walk starts again.
        self._job_place = found[-1].place if len(found) == JOBS_A_ROUND else None
        return await self._each(found, lambda job: self._remove_job(job, before))

    async def _remove_job(self, job: Expired, before: datetime) -> bool:
        if job.has_event or await self._deliveries.has_pending(job.id):
            return False
        if not await self._removal.mark_expired_as_deleted(job.id, before, self._clock.now()):
            return False  # a client retried the job, or the job has a new event
        if await self._deliveries.has_pending(job.id):
            return False  # made before the mark; after the mark none is made
        while files := await self._files.of_job(job.id, FILES_AT_ONCE):
            for file_id in files:
                await self._files.delete(file_id)
        while await self._logs.delete_some(job.id, LOGS_AT_ONCE):
            await self._lock()
        # A delivery that can still be sent again by hand is kept until it expires. If the job was
        # deleted by a client, all its deliveries are removed at once.
        now = self._clock.now()
        if not job.is_tombstone:  # the deliveries that its job has left expire by themselves
            spare_until = None if job.deleted else now
            await self._deliveries.delete_of_job(job.id, spare_until=spare_until)
        return await self._remove_document(job, now)

    async def _remove_document(self, job: Expired, now: datetime) -> bool:
        if job.keyed_until and job.keyed_until > now:
            return await self._removal.make_tombstone(job.id, now, job.keyed_until)
        return await self._removal.remove_job(job.id)

    async def _sweep_files(self) -> int:
        due = await self._files.due_for_check(self._clock.now(), FILES_A_ROUND)
        return await self._each(due, self._remove_unnamed)

    async def _remove_unnamed(self, file: FileInfo) -> bool:
        if await self._removal.is_referenced(file):
            await self._files.check_again(file.file_id, self._clock.now() + UNNAMED_KEPT)
            return False
        if not await self._files.mark_for_removal(file.file_id, self._clock.now()):
            return False  # a job that names it is being stored
        await self._files.delete(file.file_id)
        return True

    async def _sweep_batches(self) -> int:
        # A batch keeps its idempotency key for as long as the key counts, too.
        before = self._clock.now() - max(self._retention, KEY_KEPT)
        found = await self._removal.old_batches(before, BATCHES_A_ROUND, after=self._batch_place)
        self._batch_place = found[-1].place if len(found) == BATCHES_A_ROUND else None
        return await self._each(found, lambda batch: self._removal.remove_batch(batch.id))

    async def _each(self, found: list[T], remove: Callable[[T], Awaitable[bool]]) -> int:
        """Remove each of *found*; a failure does not prevent the other removals."""
        removed = 0
        for one in found:
            await self._lock()
            try:
                removed += await remove(one)
            except (StoreUnavailable, LockLost):
                raise
            except Exception as error:  # noqa: BLE001 - logged; the next round repeats it
                log.error("sweep.removal_failed", exc=error, what=repr(one)[:200])
        return removed
