"""What clients ask of jobs that are there: cancel, retry, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from secretary_common.errors import InvalidState, NotFound, StaleClaim
from secretary_common.jobs.outbox import relay
from secretary_common.models import Job, JobStatus, Outcome, Settlement
from secretary_common.ports import DeliveryRepository, Doorbell, JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

_TRIES = 10
"""How often a job may move on under a request before the client is told to try again."""


class Cancellation(StrEnum):
    """How a job is cancelled."""

    AT_ONCE = "at_once"
    """It waits: nobody else has a say."""
    BY_HOLDER = "by_holder"
    """An attempt holds it, which is asked to stop."""
    FOR_HOLDER = "for_holder"
    """Its holder is gone: its lease has ended."""


def decide_cancellation(job: Job, now: datetime) -> Cancellation:
    """How *job* is to be cancelled.

    Raises:
        InvalidState: it has ended.
    """
    if job.has_ended:
        raise InvalidState(f"the job is {job.status} already")
    if job.status is JobStatus.PENDING:
        return Cancellation.AT_ONCE
    gone = job.lease is None or job.lease.expires_at <= now
    return Cancellation.FOR_HOLDER if gone else Cancellation.BY_HOLDER


@dataclass(frozen=True, slots=True)
class JobActions:
    """Moves jobs as clients ask. Whoever calls has seen to it that they may."""

    jobs: JobRepository
    deliveries: DeliveryRepository
    doorbell: Doorbell
    clock: Clock
    retention: timedelta
    """How long a cancelled job is kept."""
    public_url: str
    """Under which receivers of webhooks reach the API."""

    async def cancel(self, job: Job) -> Job:
        """Cancel *job*, or ask its holder to: within 2 s of its next heartbeat it stops.

        Raises:
            InvalidState: it has ended.
        """
        moved = await self._insist(job, self._cancelled)
        log.info("job.cancel_requested", job_id=job.job_id, status=moved.status.value)
        if moved.has_ended and moved.webhook:
            await self.doorbell.ring_delivery(moved.job_id, moved.seq)
        return moved

    async def retry(self, job: Job) -> Job:
        """Start a new run of *job*, which has ended.

        Raises:
            InvalidState: it has not.
        """
        moved = await self._insist(job, self._retried)
        log.info("job.retry_requested", job_id=job.job_id, run=moved.run)
        await self.doorbell.ring_job(moved.job_type, moved.job_id)
        return moved

    async def delete(self, job: Job) -> None:
        """Make *job* be gone from every answer; the sweeper removes it.

        Raises:
            InvalidState: it is being processed.
        """
        moved = await self._insist(job, self._deleted)
        log.info("job.deleted", job_id=job.job_id)
        if moved.notify:
            await self.doorbell.ring_delivery(moved.job_id, moved.seq)

    async def _insist(self, job: Job, move: Callable[[Job], Awaitable[Job | None]]) -> Job:
        """Make *move*, of the job as it is by then."""
        for _ in range(_TRIES):
            if moved := await move(job):
                return moved
            fresh = await self.jobs.get(job.job_id)
            if fresh is None:
                raise NotFound(f"there is no job {job.job_id}")
            job = fresh
        raise InvalidState("the job keeps changing; try again")

    async def _cancelled(self, job: Job) -> Job | None:
        now = self.clock.now()
        expires_at = now + self.retention
        match decide_cancellation(job, now):
            case Cancellation.AT_ONCE:
                return await self.jobs.cancel(job, now, expires_at)
            case Cancellation.BY_HOLDER:
                return await self.jobs.request_cancel(job, now)
            case Cancellation.FOR_HOLDER:
                return await self._settled_for_holder(job, now, expires_at)

    async def _settled_for_holder(
        self, job: Job, now: datetime, expires_at: datetime
    ) -> Job | None:
        if job.lease is None:
            return None
        end = Settlement(Outcome.CANCELLED, at=now, seq=job.seq + 1, expires_at=expires_at)
        try:
            await self.jobs.settle(job, job.lease.token, end, ended=True)
        except StaleClaim:
            return None
        return await self.jobs.get(job.job_id)

    async def _retried(self, job: Job) -> Job | None:
        if not job.has_ended:
            raise InvalidState(f"the job is {job.status}: only one that has ended is retried")
        now = self.clock.now()
        if job.notify:  # its end is still to be told: before the new run takes the slot
            due = max(now, job.notify.due_at)
            told = await relay(job, self.jobs, self.deliveries, due, self.public_url)
            if told:
                await self.doorbell.ring_delivery(told.job_id, told.seq)
            return None
        return await self.jobs.retry(job, now)

    async def _deleted(self, job: Job) -> Job | None:
        if job.status is JobStatus.PROCESSING:
            raise InvalidState("the job is processing: cancel it first")
        return await self.jobs.delete(job, self.clock.now())
