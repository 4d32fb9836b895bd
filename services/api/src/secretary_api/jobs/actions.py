"""Actions on existing jobs: cancel, retry, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from secretary_common.errors import InvalidState, NotFound, StaleClaim
from secretary_common.jobs.outbox import relay
from secretary_common.models import Job, JobQuery, JobStatus, Outcome, Settlement
from secretary_common.models.states import TERMINAL
from secretary_common.observing import tracing
from secretary_common.observing.trace_context import context_of
from secretary_common.ports import DeliveryRepository, Doorbell, EndpointRepository, JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

ACTIONS_AT_ONCE = 16
PAGE = 250
"""The most jobs that an action on many jobs reads in one query."""
MOST_PAGES = 20
"""An action by filter looks at this many pages; a page of a bounded scan may be empty."""
_TRIES = 10
"""The most changes of a job during one request; after that the client must try again."""


class Cancellation(StrEnum):
    """The three ways to cancel a job."""

    AT_ONCE = "at_once"
    """The job is pending: no worker runs it."""
    BY_WORKER = "by_worker"
    """A worker runs the job: the API asks that worker to stop the attempt."""
    FOR_WORKER = "for_worker"
    """The lease has expired: the API settles the job in place of the lost worker."""


def decide_cancellation(job: Job, now: datetime) -> Cancellation:
    """Return the way to cancel *job*.

    Raises:
        InvalidState: the job has ended.
    """
    if job.has_ended:
        raise InvalidState(f"the job is {job.status} already")
    if job.status is JobStatus.PENDING:
        return Cancellation.AT_ONCE
    is_lost = job.lease is None or job.lease.expires_at <= now
    return Cancellation.FOR_WORKER if is_lost else Cancellation.BY_WORKER


@dataclass(frozen=True, slots=True)
class JobActions:
    """Cancels, retries and deletes jobs; callers check that the client may see them."""

    jobs: JobRepository
    deliveries: DeliveryRepository
    doorbell: Doorbell
    clock: Clock
    retention: timedelta
    """A cancelled job is kept for this long."""
    public_url: str
    """The URL of the API for receivers of webhooks."""
    endpoints: EndpointRepository | None = None
    """The endpoints that jobs name."""

    async def cancel(self, job: Job) -> Job:
        """Cancel *job*; a worker that runs the job needs up to about 3 s to stop it.

        Raises:
            InvalidState: the job has ended.
        """
        changed = await self._apply(job, self._cancelled)
        log.info("job.cancel_requested", job_id=job.job_id, status=changed.status.value)
        if changed.has_ended and changed.has_receivers:
            await self.doorbell.ring_delivery(changed.job_id, changed.seq)
        return changed

    async def retry(self, job: Job) -> Job:
        """Start a new run of *job*.

        Raises:
            InvalidState: the job has not ended, or was unreadable.
        """
        tracing.link_current(context_of(job.trace))
        changed = await self._apply(job, self._retried)
        log.info("job.retry_requested", job_id=job.job_id, run=changed.run)
        await self.doorbell.ring_job(changed.job_type, changed.job_id)
        return changed

    async def delete(self, job: Job) -> None:
        """Hide *job* from every answer; the sweeper removes it.

        Raises:
            InvalidState: a worker processes the job.
        """
        changed = await self._apply(job, self._deleted)
        log.info("job.deleted", job_id=job.job_id)
        if changed.notify:
            await self.doorbell.ring_delivery(changed.job_id, changed.seq)

    async def _apply(self, job: Job, action: Callable[[Job], Awaitable[Job | None]]) -> Job:
        """Apply *action* to the job; if the job has changed meanwhile, read it and try again."""
        for _ in range(_TRIES):
            _require_known(job)
            if changed := await action(job):
                return changed
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
            case Cancellation.BY_WORKER:
                return await self.jobs.request_cancel(job, now)
            case Cancellation.FOR_WORKER:
                return await self._settled_for_worker(job, now, expires_at)

    async def _settled_for_worker(
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
            raise InvalidState(f"the job is {job.status}: only a job that has ended can be retried")
        if job.unreadable:
            raise InvalidState(
                f"the job lost fields that could not be read ({job.unreadable.reason}): "
                "submit it again"
            )
        now = self.clock.now()
        if job.notify:  # relay the last event before the new run can take its slot
            due = max(now, job.notify.due_at)
            delivery = await relay(
                job, self.jobs, self.deliveries, due, self.public_url, endpoints=self.endpoints
            )
            if delivery:
                await self.doorbell.ring_delivery(delivery.order_key, delivery.seq)
            return None
        return await self.jobs.retry(job, now)

    async def _deleted(self, job: Job) -> Job | None:
        if job.status is JobStatus.PROCESSING:
            raise InvalidState("the job is processing: cancel it first")
        return await self.jobs.delete(job, self.clock.now())


class JobAction(StrEnum):
    """An action on all jobs that a filter selects."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"

    @property
    def sources(self) -> tuple[JobStatus, ...]:
        """The states of the jobs that the action can change."""
        if self is JobAction.CANCEL:
            return (JobStatus.PENDING, JobStatus.PROCESSING)
        if self is JobAction.RETRY:
            return tuple(sorted(TERMINAL))
        return tuple(status for status in JobStatus if status is not JobStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class FilteredActions:
    """Cancels, retries or deletes the jobs that a filter selects."""

    jobs: JobRepository
    actions: JobActions

    async def apply(
        self, action: JobAction, query: JobQuery
    ) -> tuple[int, int, tuple[datetime, str] | None]:
        """Apply *action* to at most ``query.limit`` jobs, the newest first.

        Returns the number of jobs found, the number changed, and the place for ``query.after`` of
        the next call; None: no further jobs match. A job that has changed meanwhile, so that the
        action is not possible any more, is skipped.
        """
        found, place = await self._found(query)
        limit = asyncio.Semaphore(ACTIONS_AT_ONCE)

        async def apply_to(job_id: str) -> bool:
            async with limit:
                return await self._apply_to(action, job_id)

        done = await asyncio.gather(*map(apply_to, found))
        return len(found), sum(done), place

    async def _found(self, query: JobQuery) -> tuple[list[str], tuple[datetime, str] | None]:
        found: list[str] = []
        place, pages = query.after, 0
        while len(found) < query.limit and pages < MOST_PAGES:
            part = replace(query, limit=min(query.limit - len(found), PAGE), after=place)
            jobs, place = await self.jobs.find_page(part)
            found += [job.job_id for job in jobs]
            pages += 1
            if place is None:
                break
        return found, place

    async def _apply_to(self, action: JobAction, job_id: str) -> bool:
        job = await self.jobs.get(job_id)
        if job is None or job.status not in action.sources:
            return False
        try:
            match action:
                case JobAction.CANCEL:
                    await self.actions.cancel(job)
                case JobAction.RETRY:
                    await self.actions.retry(job)
                case JobAction.DELETE:
                    await self.actions.delete(job)
        except (InvalidState, NotFound):
            return False  # another request was faster
        return True


def _require_known(job: Job) -> None:
    """Return if this version may change *job*.

    Raises:
        InvalidState: the job has a word of a newer version; only that version may change the job.
    """
    if job.newer:
        raise InvalidState(
            f"the job belongs to a newer version of Secretary ({job.newer}); that version's API "
            "can change it"
        )
