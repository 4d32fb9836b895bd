"""Jobs in a dictionary: the base of the in-memory job repository."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from secretary_common.jobs import transition
from secretary_common.models import MOST_ATTEMPTS, Job
from secretary_common.models.states import JobStatus


class RecordedJobs(dict[str, Job]):
    """Jobs by id, and the ids of the jobs that changed visibly, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: list[str] = []

    def __setitem__(self, job_id: str, job: Job) -> None:
        before = self.get(job_id)
        super().__setitem__(job_id, job)
        if before is None or before.seq != job.seq:
            self.changed.append(job_id)


class JobMemory:
    """The jobs and their changes."""

    def __init__(self) -> None:
        self.jobs = RecordedJobs()

    def waiting(self, job_types: Collection[str]) -> Iterable[Job]:
        """Return waiting jobs of these types, due or not."""
        return [
            job
            for job in self.jobs.values()
            if job.status is JobStatus.PENDING and job.job_type in job_types and may_start(job)
        ]

    def apply(self, job: Job, change: transition.Change) -> Job:
        """Apply the change of a transition to *job*; return the new job."""
        fields = job.model_dump()
        fields |= change.put
        for name in change.drop:
            fields.pop(name, None)
        for name, by in change.raised.items():
            fields[name] += by
        if change.ended:
            fields["attempts"] = [*job.attempts, change.ended][-MOST_ATTEMPTS:]
        self.jobs[job.job_id] = Job.model_validate(fields)
        return self.jobs[job.job_id]

    def put(self, job: Job, **fields: Any) -> None:
        """Set fields of *job*."""
        self.jobs[job.job_id] = job.model_copy(update=fields)


def may_start(job: Job) -> bool:
    """Return whether *job* may start once it is due."""
    return not job.cancel_requested and job.deleted_at is None


def lease_end(job: Job) -> float:
    """Return the end of the lease of *job* as Unix time; infinity without a lease."""
    return job.lease.expires_at.timestamp() if job.lease else float("inf")
