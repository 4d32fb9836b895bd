"""The in-memory repositories for removal and locks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from secretary_common.jobs import transition
from secretary_common.models import KEY_KEPT, FileInfo, FileKind, Job
from secretary_common.ports import Expired
from secretary_common.ports.removal import Place
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.jobs import InMemoryBatchRepository, InMemoryJobRepository


class InMemoryRemovalRepository:
    """Removal from *jobs* and *batches* (``ports.RemovalRepository``)."""

    def __init__(
        self,
        jobs: InMemoryJobRepository,
        batches: InMemoryBatchRepository,
        cache: InMemoryCacheRepository,
    ) -> None:
        self._jobs = jobs
        self._batches = batches
        self._cache = cache

    async def expired_jobs(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        ended = (job for job in self._jobs.jobs.values() if job.has_ended)
        found = (
            Expired(
                (job.expires_at, job.job_id),
                has_event=job.notify is not None,
                deleted=job.deleted_at is not None and job.deleted_at <= job.expires_at,
                keyed_until=job.idempotency.at + KEY_KEPT if job.idempotency else None,
                is_tombstone=job.content_removed_at is not None,
            )
            for job in ended
            if job.expires_at
        )
        return _walked(found, before, limit, after)

    async def set_aside_hidden(self, limit: int) -> int:
        del limit  # the models are the store: there is nothing that cannot be read
        return 0

    async def mark_expired_as_deleted(self, job_id: str, before: datetime, now: datetime) -> bool:
        job = self._jobs.jobs.get(job_id)
        if not job or not job.has_ended or job.notify or not job.expires_at:
            return False
        if job.expires_at > before:
            return False
        self._jobs.put(job, deleted_at=min(job.deleted_at or now, now))
        return True

    async def make_tombstone(self, job_id: str, now: datetime, until: datetime) -> bool:
        job = self._marked(job_id)
        if job:
            self._jobs.apply(job, transition.made_tombstone(now, until))
        return job is not None

    async def remove_job(self, job_id: str) -> bool:
        job = self._marked(job_id)
        if job:
            del self._jobs.jobs[job_id]
        return job is not None

    def _marked(self, job_id: str) -> Job | None:
        job = self._jobs.jobs.get(job_id)
        if not job or not job.has_ended or job.notify or job.deleted_at is None:
            return None
        return job

    async def is_referenced(self, file: FileInfo) -> bool:
        if file.kind is FileKind.UPLOAD:
            kept = (job for job in self._jobs.jobs.values() if job.deleted_at is None)
            return any(job.parameters.get("file_id") == file.file_id for job in kept)
        if file.kind is FileKind.CACHE:
            return any(kept.file_id == file.file_id for kept in self._cache.entries.values())
        job = self._jobs.jobs.get(file.job_id or "")
        if job is None:
            return False
        named = [named.file_id for named in job.files]
        named += [job.results_file.file_id] if job.results_file else []
        return file.file_id in named or (not job.has_ended and job.attempt == file.attempt)

    async def old_batches(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        batches = self._batches.batches.values()
        found = (Expired((batch.created_at, batch.batch_id)) for batch in batches)
        return _walked(found, before, limit, after)

    async def remove_batch(self, batch_id: str) -> bool:
        if any(job.batch_id == batch_id for job in self._jobs.jobs.values()):
            return False
        return self._batches.batches.pop(batch_id, None) is not None


class InMemoryLockRepository:
    """Locks in a dictionary (``ports.LockRepository``)."""

    def __init__(self) -> None:
        self.locks: dict[str, tuple[str, datetime]] = {}

    async def take(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        held = self.locks.get(name)
        if held and held[0] != owner and held[1] > now:
            return False
        self.locks[name] = (owner, until)
        return True

    async def release(self, name: str, owner: str) -> None:
        if self.locks.get(name, ("",))[0] == owner:
            del self.locks[name]


def _walked(
    found: Iterable[Expired], before: datetime, limit: int, after: Place | None
) -> list[Expired]:
    reached = [one for one in found if one.place[0] <= before and (not after or one.place > after)]
    return sorted(reached, key=lambda one: one.place)[:limit]
