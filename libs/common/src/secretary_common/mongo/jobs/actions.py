"""What clients ask of jobs: each move guarded by the job as it was read."""

from __future__ import annotations

from datetime import datetime

from secretary_common.jobs import transition
from secretary_common.models import Job, JobStatus
from secretary_common.mongo.driver import Collection, Document
from secretary_common.mongo.jobs.document import to_job, update_of


class MongoJobActionWrites:
    """The clients' part of the job repository (``ports.JobActionWrites``)."""

    _jobs: Collection

    async def cancel(self, job: Job, now: datetime, expires_at: datetime) -> Job | None:
        """Cancel *job*, which waits."""
        if job.status is not JobStatus.PENDING:
            return None
        return await self._move(_as_read(job), transition.cancelled(job, now, expires_at))

    async def request_cancel(self, job: Job, now: datetime) -> Job | None:
        """Ask the holder of *job*, which is processing, to stop it."""
        if job.status is not JobStatus.PROCESSING or job.lease is None:
            return None
        # Not guarded by ``seq``: its holder may report progress meanwhile.
        held = {"_id": job.job_id, "status": job.status.value, "lease.token": job.lease.token}
        return await self._move(held, transition.cancel_requested(now))

    async def retry(self, job: Job, now: datetime) -> Job | None:
        """Start a new run of *job*, which has ended and whose outbox slot is empty."""
        if not job.has_ended:
            return None
        return await self._move({**_as_read(job), "notify": None}, transition.retried(job, now))

    async def delete(self, job: Job, now: datetime) -> Job | None:
        """Mark *job*, which nobody holds, as deleted: it is gone from every answer."""
        if job.status is JobStatus.PROCESSING:
            return None
        return await self._move(_as_read(job), transition.deleted(job, now))

    async def _move(self, guard: Document, change: transition.Change) -> Job | None:
        return to_job(
            await self._jobs.find_one_and_update({**guard, "deleted_at": None}, update_of(change))
        )


def _as_read(job: Job) -> Document:
    """Nobody holds it, so its ``seq`` tells whether anything happened to it."""
    return {"_id": job.job_id, "status": job.status.value, "seq": job.seq}
