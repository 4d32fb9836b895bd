"""The writes behind the clients' actions in MongoDB."""

from __future__ import annotations

from datetime import datetime

from secretary_common.jobs import transition
from secretary_common.models import Job, JobStatus
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.jobs.document import update_of
from secretary_common.mongo.jobs.reader import JobReader


class MongoJobActionWrites:
    """The part for clients' actions (``ports.JobActionWrites``)."""

    _jobs: Collection
    _reader: JobReader

    async def cancel(self, job: Job, now: datetime, expires_at: datetime) -> Job | None:
        if job.status is not JobStatus.PENDING:
            return None
        return await self._change(_as_read(job), transition.cancelled(job, now, expires_at))

    async def request_cancel(self, job: Job, now: datetime) -> Job | None:
        if job.status is not JobStatus.PROCESSING or job.lease is None:
            return None
        # ``seq`` is not compared: the worker may report progress meanwhile.
        held = {"_id": job.job_id, "status": job.status.value, "lease.token": job.lease.token}
        return await self._change(held, transition.cancel_requested(now))

    async def retry(self, job: Job, now: datetime) -> Job | None:
        if not job.has_ended:
            return None
        return await self._change({**_as_read(job), "notify": None}, transition.retried(job, now))

    async def delete(self, job: Job, now: datetime) -> Job | None:
        if job.status is JobStatus.PROCESSING:
            return None
        return await self._change(_as_read(job), transition.deleted(job, now))

    async def _change(self, expected: Document, change: transition.Change) -> Job | None:
        changed = await self._jobs.find_one_and_update(
            {**expected, "deleted_at": None}, update_of(change)
        )
        return await self._reader.one(changed)


def _as_read(job: Job) -> Document:
    """Match the job as it was read. No worker holds the job, so ``seq`` shows every change."""
    return {"_id": job.job_id, "status": job.status.value, "seq": job.seq}
