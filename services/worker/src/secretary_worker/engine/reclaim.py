"""Handles jobs whose lease has expired: reclaims a job, or ends a job that must not run again."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from secretary_common.errors import StaleClaim
from secretary_common.jobs.attempts import line_of, lost_attempt
from secretary_common.models import Job, JobError, LogEntry, Outcome, Settlement
from secretary_common.ports import Doorbell, JobRepository, LogRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_worker.attempt.verdict import lost_with_worker, poisoned

log = get_logger(__name__)

BATCH_SIZE = 50
AFTER_ALL = 999_999_999
"""The place of the line about a lost attempt: after all lines that the attempt may have written."""


@dataclass(slots=True)
class ReclaimSchedule:
    """Decides when a worker looks for expired leases. Times are monotonic, in seconds."""

    interval_sec: float
    started_at: float = 0.0
    """When the last look started."""
    jobs_left: bool = False
    """Whether the last look left jobs because no slot was free."""

    def is_due(self, now: float, free_slots: int) -> bool:
        """Return whether to look now: after the interval, or when a slot is free for a job left."""
        return self.until_due_sec(now) <= 0 or (self.jobs_left and free_slots > 0)

    def until_due_sec(self, now: float) -> float:
        """Return the seconds until the interval ends, at most the interval."""
        return min(self.interval_sec, max(self.started_at + self.interval_sec - now, 0.0))


class Reclaimer:
    """Handles jobs with expired leases: reclaims those whose types this worker may start.

    If such a job is cancelled, is poison or has lost too many leases, this class ends the job,
    whatever its type.
    """

    def __init__(
        self,
        jobs: JobRepository,
        logs: LogRepository,
        doorbell: Doorbell,
        clock: Clock,
        *,
        retention: timedelta,
        max_lost_leases: int,
        in_background: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        """Prepare to handle leases.

        Args:
            jobs: the repository with the leases.
            logs: gets a line about each lost attempt.
            doorbell: rings for the webhook of a job that this worker has ended.
            clock: the store's clock.
            retention: the time for which an ended job is kept.
            max_lost_leases: a job that loses this many leases in one run is ended.
            in_background: rings a doorbell without waiting for it.
        """
        self._jobs = jobs
        self._logs = logs
        self._doorbell = doorbell
        self._clock = clock
        self._retention = retention
        self._lost_before = max_lost_leases - 1
        self._in_background = in_background

    async def reclaim(
        self,
        job_types: Collection[str],
        take_over: Callable[[Job], Awaitable[bool]],
        free_slots: Callable[[], int],
    ) -> bool:
        """Handle expired leases, as many as this worker can.

        Returns whether jobs with expired leases are left because this worker has no free slot.

        Args:
            job_types: the types of which this worker may start jobs.
            take_over: reclaims a job for this worker and starts it.
            free_slots: returns the number of free slots.
        """
        while True:
            expired = await self._jobs.ended_leases(
                job_types, self._clock.now(), BATCH_SIZE, lost_leases=self._lost_before
            )
            random.shuffle(expired)  # so that concurrent workers separate
            done = [job for job in expired if await self._handle(job, take_over, free_slots)]
            if len(expired) < BATCH_SIZE or not done:
                return len(done) < len(expired) and free_slots() <= 0

    async def _handle(
        self,
        job: Job,
        take_over: Callable[[Job], Awaitable[bool]],
        free_slots: Callable[[], int],
    ) -> bool:
        if job.cancel_requested or job.is_poison or job.lost_leases >= self._lost_before:
            return await self._end(job)
        if free_slots() > 0 and await take_over(job):
            log.info("job.reclaimed", job_id=job.job_id, attempt=job.attempt + 1)
            self._in_background(self._note_loss(job))
            return True
        return False

    async def _end(self, job: Job) -> bool:
        if job.lease is None:
            return False
        now = self._clock.now()
        cancelled = job.cancel_requested
        settlement = Settlement(
            outcome=Outcome.CANCELLED if cancelled else Outcome.FAILED,
            at=now,
            seq=job.seq + 1,
            error=None if cancelled else _error_of(job),
            expires_at=now + self._retention,
        )
        try:
            await self._jobs.settle(job, job.lease.token, settlement, ended=True)
        except StaleClaim:
            return False  # its worker, or another one, was faster
        log.warning("job.ended_without_worker", job_id=job.job_id, outcome=settlement.outcome.value)
        self._in_background(self._note_loss(job))
        if job.has_receivers:
            self._in_background(self._doorbell.ring_slot(job.job_id, settlement.seq))
        return True

    async def _note_loss(self, job: Job) -> None:
        """Add a line about the lost attempt of *job* to the job's log."""
        line = line_of(lost_attempt(job), None)
        if line is None:
            return
        entry = LogEntry(
            timestamp=self._clock.now(),
            level=line[0],
            message=line[1],
            attempt=job.attempt,
            seq=AFTER_ALL,
        )
        try:
            await self._logs.append(job.job_id, [entry])
        except Exception as error:  # noqa: BLE001 - the job's history has the attempt too
            log.info("job.loss_not_noted", job_id=job.job_id, reason=repr(error)[:300])


def _error_of(job: Job) -> JobError:
    return poisoned(job) if job.is_poison else lost_with_worker(job)
