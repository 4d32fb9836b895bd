"""Submits conversions as jobs, and waits for their end."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from secretary_api.access.principal import Principal
from secretary_api.schemas.batch import BatchSubmission
from secretary_api.schemas.submission import JobSubmission
from secretary_api.services import Services
from secretary_common.errors import NotFound
from secretary_common.models import Idempotency, Job, JobStatus

JOB_TYPE = "document"
REPEAT_SEC = 600
"""A client that repeats a request without an Idempotency-Key within this time gets the same job."""
TASK_NOT_FOUND = "Task not found."
ANSWERS_AT_ONCE = 2
"""Answers hold whole documents in memory."""
_LONGEST_NAME = 200
_BATCH = "batch-"
_FRUITLESS = (JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request wants: a job for each file."""

    origin: str
    """The tag of the jobs: the program whose routes were used."""
    jobs: Sequence[JobSubmission]
    identity: Any
    """The value by which a repeat of the request is recognised; None: no request repeats it."""


@dataclass(frozen=True, slots=True)
class Task:
    """The jobs of one request: one job, or those of a batch, maybe without their results."""

    task_id: str
    jobs: Sequence[Job]

    @property
    def has_ended(self) -> bool:
        """Whether all jobs have ended."""
        return all(job.has_ended for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Conversions:
    """The conversions of a principal."""

    services: Services
    max_wait_sec: float
    """How long a request waits for its answer."""
    answering: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ANSWERS_AT_ONCE))

    async def submit(self, wanted: Wanted, key: str | None, caller: Principal) -> Task:
        """Submit the jobs of a request; a repeat gets the jobs of the first request.

        Args:
            wanted: the jobs.
            key: the header ``Idempotency-Key``.
            caller: the principal.

        Raises:
            InvalidRequest: naming what is refused.
            RateLimited, IdempotencyKeyReused, StoreUnavailable, NotStorable: as for any job.
        """
        task, repeated = await self._submitted(wanted, self._mark(wanted, key), caller)
        if repeated and key is None and _is_fruitless(task, len(wanted.jobs)):
            task, _ = await self._submitted(wanted, None, caller)
        return task

    async def task(self, task_id: str, caller: Principal) -> Task:
        """Return a task as it is now.

        Raises:
            NotFound: there is no such task for this principal.
        """
        try:
            if not task_id.startswith(_BATCH):
                return Task(task_id, [await self.services.jobs.get(task_id, caller)])
            batch = await self.services.batches.get(task_id, caller)
        except NotFound:
            raise NotFound(TASK_NOT_FOUND) from None
        return Task(task_id, await self._jobs_of(batch.job_ids))

    async def ended(self, task: Task, within_sec: float, caller: Principal) -> Task:
        """Return *task* when it has ended, or as it is after *within_sec*.

        It returns earlier when the service stops, or the key is not valid any more.
        """
        loop = asyncio.get_running_loop()
        ends_at, stream = loop.time() + within_sec, self.services.stream
        while not task.has_ended and (left := ends_at - loop.time()) > 0:
            job = next(one for one in task.jobs if not one.has_ended)
            await stream.wait_for_end(job, left, caller.key_id)
            task = await self.task(task.task_id, caller)
            now = next((one for one in task.jobs if one.job_id == job.job_id), None)
            if now is not None and not now.has_ended:
                break
        return task

    async def _submitted(
        self, wanted: Wanted, mark: Idempotency | None, caller: Principal
    ) -> tuple[Task, bool]:
        if len(wanted.jobs) == 1:
            job, repeated = await self.services.submitter.submit(wanted.jobs[0], mark, caller)
            return Task(job.job_id, [job]), repeated
        submission = BatchSubmission(batch_name=wanted.origin, jobs=list(wanted.jobs))
        batch, repeated = await self.services.batches.submit(submission, mark, caller)
        jobs = await self._jobs_of(batch.job_ids)
        return Task(batch.batch_id, jobs), repeated

    async def _jobs_of(self, job_ids: Sequence[str]) -> list[Job]:
        """Return the jobs of a batch without parameters and results, in the order of *job_ids*."""
        found = await self.services.jobs.jobs.summaries(job_ids)
        known = {job.job_id: job for job in found}
        return [known[job_id] for job_id in job_ids if job_id in known]

    def _mark(self, wanted: Wanted, key: str | None) -> Idempotency | None:
        now = self.services.clock.now()
        body = {"origin": wanted.origin, "request": wanted.identity}
        if key is None and wanted.identity is not None:
            canonical = json.dumps(body, sort_keys=True).encode()
            period = int(now.timestamp()) // REPEAT_SEC
            key = f"{wanted.origin}-{hashlib.sha256(canonical).hexdigest()}-{period}"
        return self.services.marker.mark(key, body, now)


def job_name(name: str) -> str:
    """Return the name of the job for the file *name*."""
    return name[:_LONGEST_NAME]


def _is_fruitless(task: Task, wanted: int) -> bool:
    """Return whether a repeat of the request, for *wanted* jobs, should try again.

    The deleted jobs of a batch are missing.
    """
    is_missing = len(task.jobs) < wanted
    return is_missing or any(job.status in _FRUITLESS or job.deleted_at for job in task.jobs)
