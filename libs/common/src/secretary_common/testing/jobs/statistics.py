"""Counts of jobs, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from secretary_common.models import EndedCount, Job, StatusCounts, TypeStatistic, bucket_of
from secretary_common.models.states import JobStatus
from secretary_common.testing.jobs.memory import JobMemory


class InMemoryJobStatistics(JobMemory):
    """The part for counts (``ports.JobStatistics``)."""

    async def statistics(
        self,
        job_types: Collection[str],
        now: datetime,
        *,
        owner: str | None = None,
        most: int | None = None,
    ) -> dict[str, TypeStatistic]:
        seen = [job for job in self.jobs.values() if owner in (None, job.owner)]
        return {
            name: _statistic([job for job in seen if job.job_type == name], now, most or len(seen))
            for name in sorted(job_types)
        }

    async def ended(
        self, since: datetime, until: datetime, slot_sec: float, retention: timedelta
    ) -> list[EndedCount]:
        keys = Counter(
            _ended_key(job, since + retention, slot_sec)
            for job in self.jobs.values()
            if job.has_ended
            and job.deleted_at is None
            and job.expires_at
            and since + retention <= job.expires_at < until + retention
        )
        return [EndedCount(*key, count=count) for key, count in keys.items()]

    async def running_by_owner(self, owners: Collection[str] | None = None) -> dict[str, int]:
        running = (job for job in self.jobs.values() if job.status is JobStatus.PROCESSING)
        return dict(Counter(job.owner for job in running if owners is None or job.owner in owners))

    async def pending_by_owner(self) -> dict[str, int]:
        pending = (job for job in self.jobs.values() if job.status is JobStatus.PENDING)
        return dict(Counter(job.owner for job in pending))

    async def pending_of(self, owner: str, job_types: Collection[str], most: int) -> int:
        mine = (job for job in self.jobs.values() if job.owner == owner)
        pending = [job for job in mine if job.status is JobStatus.PENDING]
        return min(sum(job.job_type in job_types for job in pending), most)

    async def batch_counts(self, batch_id: str) -> StatusCounts:
        jobs = (job for job in self.jobs.values() if job.batch_id == batch_id)
        counts = Counter(job.status.value for job in jobs if job.deleted_at is None)
        return StatusCounts(**counts)


def _statistic(jobs: list[Job], now: datetime, most: int) -> TypeStatistic:
    due = [job.run_at for job in jobs if job.status is JobStatus.PENDING and job.run_at <= now]
    pending = sum(job.status is JobStatus.PENDING for job in jobs)
    return TypeStatistic(
        waiting=min(most, len(due)),
        scheduled=min(most, pending - len(due)),
        running=min(most, sum(job.status is JobStatus.PROCESSING for job in jobs)),
        oldest_wait_sec=(now - min(due)).total_seconds() if due else 0.0,
    )


def _ended_key(
    job: Job, start: datetime, slot_sec: float
) -> tuple[int, str, str, str, int | None, int | None]:
    slot = (job.expires_at - start).total_seconds() // slot_sec if job.expires_at else 0
    waited = _bucket(job.run_at, job.processing_started_at)
    ran = _bucket(job.processing_started_at, job.completed_at)
    return int(slot), job.owner, job.job_type, job.status.value, waited, ran


def _bucket(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else bucket_of((end - start).total_seconds() * 1000)
