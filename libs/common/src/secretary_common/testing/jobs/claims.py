"""Jobs under a lease, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from secretary_common.errors import StaleClaim
from secretary_common.jobs import transition
from secretary_common.models import (
    LATEST_RENEWAL,
    STOPPED,
    Job,
    Lease,
    ProgressChange,
    Renewal,
    Settlement,
    WorkerFailure,
)
from secretary_common.models.states import JobStatus
from secretary_common.testing.jobs.memory import JobMemory, lease_end, may_start


class InMemoryJobClaims(JobMemory):
    """The part for attempts (``ports.JobClaims``)."""

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
    ) -> Job | None:
        job = next((job for job in self.waiting(job_types) if job.job_id == job_id), None)
        if job is None or job.run_at > now:
            return None
        return self.apply(job, transition.claimed(lease, now))

    async def claim_many(
        self, job_ids: Sequence[str], lease: Lease, now: datetime, job_types: Collection[str]
    ) -> list[Job]:
        claimed = [await self.claim(job_id, lease, now, job_types) for job_id in job_ids]
        return [job for job in claimed if job]

    async def claim_within(
        self,
        job_ids: Sequence[str],
        lease: Lease,
        now: datetime,
        job_types: Collection[str],
        *,
        owner: str,
        most: int,
    ) -> list[Job]:
        mine = {job.job_id: job for job in self.jobs.values() if job.owner == owner}
        running = sum(job.status is JobStatus.PROCESSING for job in mine.values())
        wanted = [job_id for job_id in job_ids[: max(most - running, 0)] if job_id in mine]
        return await self.claim_many(wanted, lease, now, job_types)

    async def held(self, job_id: str, token: str) -> Job | None:
        job = self.jobs.get(job_id)
        return job if job and job.lease and job.lease.token == token else None

    async def ended_leases(
        self, job_types: Collection[str], now: datetime, limit: int, *, lost_leases: int
    ) -> list[Job]:
        ended = [
            job
            for job in self.jobs.values()
            if lease_end(job) <= now.timestamp()
            and (
                job.job_type in job_types
                or job.cancel_requested
                or job.is_poison
                or job.lost_leases >= lost_leases
            )
        ]
        return sorted(ended, key=lease_end)[:limit]

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        current = self.jobs.get(job.job_id)
        same = current and current.lease and job.lease and current.lease.token == job.lease.token
        if not current or not same or not may_start(current) or current.is_poison:
            return None
        if lease_end(current) > now.timestamp():
            return None
        return self.apply(current, transition.reclaimed(current, lease, now))

    async def record_worker_failure(self, job_id: str, failure: WorkerFailure) -> None:
        job = self.jobs.get(job_id)
        if not job or job.has_ended or job.run != failure.run:
            return
        holds = job.lease is not None and job.lease.token == failure.token
        if failure.how == STOPPED and job.lost_leases < (1 if holds else 2):
            return
        if failure.token not in {known.token for known in job.worker_failures}:
            self.put(job, worker_failures=[*job.worker_failures, failure])

    async def renew(
        self, owner: str, job_ids: Collection[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        renewed = {}
        for job_id in job_ids:
            job = self.jobs.get(job_id)
            if job and job.lease and job.lease.owner == owner:
                lease, end = job.lease, job.lease.expires_at
                if not expires_at < end <= expires_at + LATEST_RENEWAL:
                    lease = lease.model_copy(update={"expires_at": expires_at})
                self.jobs[job_id] = job.model_copy(update={"lease": lease})
                renewed[job_id] = Renewal(lease.token, job.cancel_requested)
        return renewed

    async def cancel_requested_among(self, job_ids: Collection[str]) -> set[str]:
        found = (self.jobs[job_id] for job_id in job_ids if job_id in self.jobs)
        return {job.job_id for job in found if job.cancel_requested}

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        job = await self.held(change.job_id, change.token)
        if job is None:
            raise StaleClaim
        job = self.apply(job, transition.progressed(change))
        if slot := change.slot:
            due_at = min(slot.due_at, job.notify.due_at) if job.notify else slot.due_at
            self.put(job, notify=slot.model_copy(update={"due_at": due_at}))
        return job.notified_at if change.asks_notified_at else None

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        current = self.jobs.get(job.job_id)
        if current and current.settled and current.settled.token == token:
            if stands := transition.standing(settlement, current.settled, lost=ended):
                return stands
            raise StaleClaim
        if not current or await self.held(job.job_id, token) is None:
            raise StaleClaim
        if ended and (lease_end(current) > settlement.at.timestamp() or current.seq != job.seq):
            raise StaleClaim
        if transition.makes_pending(settlement) and current.cancel_requested:
            settlement = transition.as_cancelled(settlement)
        self.apply(current, transition.settled(job, token, settlement, lost=ended))
        return settlement
