"""The writes behind the clients' actions, in memory."""

from __future__ import annotations

from datetime import datetime

from secretary_common.jobs import transition
from secretary_common.models import Job
from secretary_common.models.states import JobStatus
from secretary_common.testing.jobs.memory import JobMemory


class InMemoryJobActionWrites(JobMemory):
    """The part for clients' actions (``ports.JobActionWrites``)."""

    async def cancel(self, job: Job, now: datetime, expires_at: datetime) -> Job | None:
        current = self._as_read(job)
        if current is None or current.status is not JobStatus.PENDING:
            return None
        return self.apply(current, transition.cancelled(job, now, expires_at))

    async def request_cancel(self, job: Job, now: datetime) -> Job | None:
        current = self.jobs.get(job.job_id)
        if current is None or current.lease is None or job.lease is None:
            return None
        if current.lease.token != job.lease.token:
            return None
        return self.apply(current, transition.cancel_requested(now))

    async def retry(self, job: Job, now: datetime) -> Job | None:
        current = self._as_read(job)
        if current is None or not current.has_ended or current.notify is not None:
            return None
        return self.apply(current, transition.retried(job, now))

    async def delete(self, job: Job, now: datetime) -> Job | None:
        current = self._as_read(job)
        if current is None or current.status is JobStatus.PROCESSING:
            return None
        return self.apply(current, transition.deleted(job, now))

    def _as_read(self, job: Job) -> Job | None:
        current = self.jobs.get(job.job_id)
        same = current and (current.status, current.seq) == (job.status, job.seq)
        return current if same and current and current.deleted_at is None else None
