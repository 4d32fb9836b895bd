"""Jobs that wait for a worker, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from secretary_common.models import Candidate, Job
from secretary_common.models.states import JobStatus
from secretary_common.testing.jobs.memory import JobMemory, may_start


class InMemoryJobCandidates(JobMemory):
    """The part for waiting jobs (``ports.JobCandidates``)."""

    async def candidates(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Candidate]:
        return [_candidate(job) for job in sorted(self._due(job_types, now), key=_age)[:limit]]

    async def few_waiting(
        self, job_types: Collection[str], now: datetime, most: int
    ) -> list[Candidate] | None:
        due = sorted(
            self._due(job_types, now), key=lambda job: (-job.priority, job.owner, *_age(job))
        )
        return [_candidate(job) for job in due] if len(due) < most else None

    async def waiting_priorities(self, job_types: Collection[str], now: datetime) -> list[int]:
        return sorted({job.priority for job in self._due(job_types, now)}, reverse=True)

    async def waiting_owners(
        self, job_types: Collection[str], priority: int, now: datetime
    ) -> list[str]:
        return sorted({job.owner for job in self._due(job_types, now) if job.priority == priority})

    async def oldest_waiting(
        self,
        job_types: Collection[str],
        priority: int,
        owners: Sequence[str],
        now: datetime,
        limit: int,
    ) -> list[Candidate]:
        due = [job for job in self._due(job_types, now) if job.priority == priority]
        due.sort(key=_age)
        return [
            _candidate(job)
            for owner in owners
            for job in [job for job in due if job.owner == owner][:limit]
        ]

    async def next_due(self, job_types: Collection[str], now: datetime) -> Candidate | None:
        later = [job for job in self.waiting(job_types) if job.run_at > now]
        return _candidate(min(later, key=_age)) if later else None

    async def scheduled(self, job_ids: Collection[str], now: datetime) -> list[Candidate]:
        found = (self.jobs[job_id] for job_id in job_ids if job_id in self.jobs)
        waiting = [job for job in found if job.status is JobStatus.PENDING and may_start(job)]
        return [_candidate(job) for job in waiting if job.run_at > now]

    def _due(self, job_types: Collection[str], now: datetime) -> list[Job]:
        return [job for job in self.waiting(job_types) if job.run_at <= now]


def _age(job: Job) -> tuple[datetime, str]:
    return job.run_at, job.job_id


def _candidate(job: Job) -> Candidate:
    return Candidate(job.job_id, job.job_type, job.priority, job.owner, job.run_at)
