"""The in-memory repositories of jobs and batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from secretary_common.errors import FeedLost, KeyInUse
from secretary_common.models import Batch, Job, JobQuery, NotifySlot
from secretary_common.ports import ChangedJobs, FeedPlace
from secretary_common.testing.job_actions import InMemoryJobActionWrites
from secretary_common.testing.job_candidates import InMemoryJobCandidates
from secretary_common.testing.job_claims import InMemoryJobClaims


class InMemoryJobRepository(InMemoryJobClaims, InMemoryJobActionWrites, InMemoryJobCandidates):
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

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        due = [(job.notify.due_at, job) for job in self.jobs.values() if job.notify]
        due.sort(key=lambda pair: pair[0])
        return [_without_parameters(job) for due_at, job in due if due_at <= now][:limit]

    async def slots_of(self, job_ids: Collection[str]) -> list[Job]:
        found = (self.jobs.get(job_id) for job_id in sorted(job_ids))
        return [_without_parameters(job) for job in found if job and job.notify]

    async def next_slot_at(self, now: datetime) -> datetime | None:
        slots = [job.notify.due_at for job in self.jobs.values() if job.notify]
        return min((due_at for due_at in slots if due_at > now), default=None)

    async def clear_slots(self, events: Sequence[tuple[str, int]], now: datetime) -> set[str]:
        for job_id, seq in events:
            job = self.jobs.get(job_id)
            if job and job.notify and job.notify.seq == seq:
                self.put(job, notify=None, notified_at=now)
        return {job.job_id for job in await self.slots_of([job_id for job_id, _ in events])}

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        job = self.jobs.get(job_id)
        if not job or not job.notify or job.notify.seq != slot.seq:
            return False
        self.put(job, notify=slot.model_copy(update={"due_at": due_at}))
        return True


class InMemoryJobFeed:
    """The feed of changed jobs of *jobs* (``ports.JobFeed``). The store forgets nothing."""

    def __init__(self, jobs: InMemoryJobRepository, pause_sec: float = 0.01) -> None:
        self._changed = jobs.jobs.changed
        self._pause_sec = pause_sec

    def place_at(self, moment: datetime) -> FeedPlace:
        del moment
        return FeedPlace(1, len(self._changed))

    async def changes(self, after: FeedPlace) -> AsyncIterator[ChangedJobs]:
        if after.seconds != 1 or not 0 <= after.number <= len(self._changed):
            raise FeedLost
        count = after.number
        while True:
            changed = tuple(dict.fromkeys(self._changed[count:]))
            count = len(self._changed)
            yield ChangedJobs(changed, FeedPlace(1, count), is_current=True)
            await asyncio.sleep(self._pause_sec)


class InMemoryBatchRepository:
    """Batches in a dictionary; their jobs go to *jobs* (``ports.BatchRepository``)."""

    def __init__(self, jobs: InMemoryJobRepository) -> None:
        self.batches: dict[str, Batch] = {}
        self._jobs = jobs

    async def insert(self, batch: Batch, jobs: Sequence[Job]) -> None:
        if batch.idempotency and await self.find_by_key(batch.owner, batch.idempotency.key):
            raise KeyInUse
        self.batches[batch.batch_id] = batch
        for job in jobs:
            await self._jobs.insert(job)

    async def get(self, batch_id: str) -> Batch | None:
        return self.batches.get(batch_id)

    async def find(
        self, owner: str | None, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[Batch], tuple[datetime, str] | None]:
        places = {
            (batch.created_at, batch.batch_id): batch
            for batch in self.batches.values()
            if owner in (None, batch.owner)
        }
        found = sorted(place for place in places if after is None or place < after)[::-1]
        page = [places[place].model_copy(update={"job_ids": []}) for place in found[:limit]]
        return page, found[limit - 1] if len(found) > limit else None

    async def find_by_key(self, owner: str, key: str) -> Batch | None:
        return next(
            (
                batch
                for batch in self.batches.values()
                if batch.owner == owner and batch.idempotency and batch.idempotency.key == key
            ),
            None,
        )

    async def release_key(self, batch: Batch) -> None:
        current = self.batches.get(batch.batch_id)
        if current and current.idempotency == batch.idempotency:
            self.batches[batch.batch_id] = current.model_copy(update={"idempotency": None})


def _without_parameters(job: Job) -> Job:
    return job.model_copy(update={"parameters": {}, "attempts": []})


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
