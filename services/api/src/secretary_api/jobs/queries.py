"""Queries of clients about jobs, with their logs, deliveries and statistics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secretary_api.access.principal import Principal
from secretary_api.jobs.job_types import KnownJobTypes
from secretary_common.errors import NotFound
from secretary_common.models import (
    LOG_LEVELS,
    Delivery,
    Job,
    JobQuery,
    LogEntry,
    LogLevel,
    TypeStatistic,
)
from secretary_common.ports import DeliveryRepository, JobRepository, LogRepository
from secretary_common.runtime.clock import Clock

BEFORE_ALL = (0, 0)
"""A place before every log entry: attempts count from 1."""


@dataclass(frozen=True, slots=True)
class JobQueries:
    """Reads the jobs of a principal; an admin's calls reach all jobs."""

    jobs: JobRepository
    logs: LogRepository
    deliveries: DeliveryRepository
    job_types: KnownJobTypes
    clock: Clock

    async def get(self, job_id: str, principal: Principal) -> Job:
        """Return a job.

        Raises:
            NotFound: there is no such job for this principal.
        """
        job = await self.jobs.get(job_id)
        if job is None or not principal.may_see(job.owner):
            raise NotFound(f"there is no job {job_id[:100]}")
        return job

    async def find(self, query: JobQuery) -> tuple[list[Job], tuple[datetime, str] | None]:
        """Return one page of jobs, and the place of the next page; None if none follows."""
        return await self.jobs.find_page(query)

    async def statistics(self, principal: Principal) -> dict[str, TypeStatistic]:
        """Count the jobs of *principal* for each announced job type."""
        names = [info.job_type for info in await self.job_types.all()]
        return await self.jobs.statistics(names, self.clock.now(), owner=principal.owner_filter)

    async def delivery_counts(self, principal: Principal) -> dict[str, int]:
        """Count the pending and the dead deliveries of *principal*."""
        return await self.deliveries.counts(principal.owner_filter)

    async def logs_of(self, job: Job, limit: int) -> list[LogEntry]:
        """Return the last *limit* log entries of *job*, oldest first."""
        return await self.logs.tail(job.job_id, limit)

    async def log_page(
        self, job: Job, *, after: tuple[int, int] | None, level: LogLevel, limit: int
    ) -> tuple[list[LogEntry], bool]:
        """Return at most *limit* log entries of *level* and above, and whether more follow.

        Oldest first; after the place (attempt, seq) *after*, or from the start.
        """
        levels = LOG_LEVELS[LOG_LEVELS.index(level) :]
        found = await self.logs.page(
            job.job_id, after=after or BEFORE_ALL, levels=levels, limit=limit + 1
        )
        return found[:limit], len(found) > limit

    async def deliveries_of(
        self, job: Job, *, after: tuple[int, str] | None, limit: int
    ) -> tuple[list[Delivery], bool]:
        """Return at most *limit* deliveries of *job* by ``seq``, and whether more follow.

        After the (seq, delivery_id) *after*, or from the start.
        """
        found = await self.deliveries.of_job(job.job_id, after=after, limit=limit + 1)
        return found[:limit], len(found) > limit
