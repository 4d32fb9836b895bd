"""The in-memory repository of jobs: every query and every transition."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from secretary_common.errors import KeyInUse
from secretary_common.models import Job, JobQuery
from secretary_common.testing.jobs.actions import InMemoryJobActionWrites
from secretary_common.testing.jobs.candidates import InMemoryJobCandidates
from secretary_common.testing.jobs.claims import InMemoryJobClaims
from secretary_common.testing.jobs.outbox import InMemoryJobOutbox
from secretary_common.testing.jobs.statistics import InMemoryJobStatistics


class InMemoryJobRepository(
    InMemoryJobActionWrites,
    InMemoryJobStatistics,
    InMemoryJobCandidates,
    InMemoryJobClaims,
    InMemoryJobOutbox,
):
    """Jobs in a dictionary (``ports.JobRepository``)."""

    async def insert(self, job: Job) -> None:
        if job.idempotency and await self.find_by_key(job.owner, job.idempotency.key):
            raise KeyInUse
        self.jobs[job.job_id] = job

    async def find_by_key(self, owner: str, key: str) -> Job | None:
        return next(
            (
                job
                for job in self.jobs.values()
                if job.owner == owner and job.idempotency and job.idempotency.key == key
            ),
            None,
        )

    async def release_key(self, job: Job) -> None:
        current = self.jobs.get(job.job_id)
        if current and current.idempotency == job.idempotency:
            self.put(current, idempotency=None)

    async def get(self, job_id: str) -> Job | None:
        job = self.jobs.get(job_id)
        return job if job and job.deleted_at is None else None

    async def summaries(self, job_ids: Collection[str]) -> list[Job]:
        found = (self.jobs[job_id] for job_id in job_ids if job_id in self.jobs)
        return [_brief(job) for job in found if job.deleted_at is None]

    async def deleted_among(self, job_ids: Collection[str]) -> set[str]:
        return {id_ for id_ in job_ids if (job := self.jobs.get(id_)) and job.deleted_at}

    async def find(self, query: JobQuery) -> list[Job]:
        order = sorted(self.jobs.values(), key=lambda j: (j.created_at, j.job_id), reverse=True)
        found = [job for job in order if _listed(job, query)][: query.limit]
        return [_brief(job) for job in found]

    async def find_page(self, query: JobQuery) -> tuple[list[Job], tuple[datetime, str] | None]:
        found = await self.find(replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        more = len(found) > len(page)
        return page, (page[-1].created_at, page[-1].job_id) if more else None


def _brief(job: Job) -> Job:
    return job.model_copy(update={"parameters": {}, "results": None, "attempts": []})


def _listed(job: Job, query: JobQuery) -> bool:
    pairs = [
        (query.owner, job.owner),
        (query.status, job.status),
        (job.status if job.status in query.statuses or not query.statuses else "", job.status),
        (query.job_type, job.job_type),
        (query.batch_id, job.batch_id),
        (query.user_id, job.user_id),
        (query.tag, query.tag if query.tag in job.tags else object()),
    ]
    return (
        job.deleted_at is None
        and all(wanted in (None, actual) for wanted, actual in pairs)
        and (query.id_contains or "") in job.job_id
        and (not query.created_after or job.created_at >= query.created_after)
        and (not query.created_before or job.created_at < query.created_before)
        and (not query.after or (job.created_at, job.job_id) < query.after)
    )
