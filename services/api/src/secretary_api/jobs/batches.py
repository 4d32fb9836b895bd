"""Batches: submit all jobs or none, count them, cancel or retry them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from secretary_api.access.principal import Principal
from secretary_api.files.uploads import NamedUpload, UploadStore, named_upload
from secretary_api.http.errors import refused_fields
from secretary_api.jobs.actions import ACTIONS_AT_ONCE, PAGE, JobActions
from secretary_api.jobs.admission import Admission
from secretary_api.jobs.idempotency import existing, insert_once
from secretary_api.jobs.job_types import KnownJobType, KnownJobTypes
from secretary_api.jobs.pending_limit import PendingLimit
from secretary_api.jobs.ringer import Ringer
from secretary_api.key_endpoints import KeyEndpoints
from secretary_api.schemas.batch import BatchSubmission
from secretary_common.errors import InvalidRequest, InvalidState, NotFound, RateLimited
from secretary_common.models import (
    Batch,
    Idempotency,
    Job,
    JobQuery,
    JobStatus,
    StatusCounts,
    new_batch_id,
)
from secretary_common.ports import BatchRepository, JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

Action = Callable[[Job], Coroutine[Any, Any, Job]]


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of a principal; an admin's calls reach all batches."""

    batches: BatchRepository
    jobs: JobRepository
    job_types: KnownJobTypes
    actions: JobActions
    ringer: Ringer
    clock: Clock
    admission: Admission
    uploads: UploadStore
    pending_limit: PendingLimit
    endpoints: KeyEndpoints

    async def submit(
        self, submission: BatchSubmission, mark: Idempotency | None, principal: Principal
    ) -> tuple[Batch, bool]:
        """Store all jobs durably or none, and ring soon; return the batch, and whether it existed.

        A batch exists already if another request with the same ``Idempotency-Key`` has made it.

        Raises:
            InvalidRequest: naming the first job that is refused, and its field.
            RateLimited: the API key would have too many pending jobs.
            IdempotencyKeyReused: another body came with the same key.
            StoreUnavailable: the batch may be stored nevertheless.
            NotStorable: a job is too large.
        """
        names = {one.job_type for one in submission.jobs}
        known = {name: await self._known(name, submission) for name in names}
        # In a thread, because a thousand jobs take long to check and seal.
        jobs = await asyncio.to_thread(self._admitted, submission, known, principal)
        jobs = await self.endpoints.mark(jobs, principal.key_id, jobs[0].created_at)
        batch = Batch(
            batch_id=jobs[0].batch_id or "",
            owner=principal.key_id,
            batch_name=submission.batch_name,
            job_ids=[job.job_id for job in jobs],
            created_at=jobs[0].created_at,
            idempotency=mark,
        )
        uploads = _named_uploads(jobs, known)
        stored, repeated = await self._stored(batch, jobs, uploads, principal)
        if not repeated:
            log.info("batch.accepted", batch_id=batch.batch_id, jobs=len(jobs))
            for job in jobs:
                self.ringer.ring_soon(job)
        return stored, repeated

    async def _stored(
        self, batch: Batch, jobs: list[Job], uploads: dict[str, NamedUpload], principal: Principal
    ) -> tuple[Batch, bool]:
        try:
            await self.uploads.require(uploads, principal.owner_filter)
            async with self.pending_limit.room(principal, len(jobs)):
                return await insert_once(
                    batch, self.batches, lambda: self.batches.insert(batch, jobs)
                )
        except (RateLimited, InvalidRequest):  # also for a repeat, whose uploads may be removed
            if not (found := await existing(batch, self.batches)):
                raise
            return found, True

    async def find(
        self, principal: Principal, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[Batch], tuple[datetime, str] | None]:
        """Return the batches of *principal*, newest first, and the place of the next page."""
        return await self.batches.find(principal.owner_filter, after=after, limit=limit)

    async def get(self, batch_id: str, principal: Principal) -> Batch:
        """Return a batch.

        Raises:
            NotFound: there is no such batch for this principal.
        """
        batch = await self.batches.get(batch_id)
        if batch is None or not principal.may_see(batch.owner):
            raise NotFound(f"there is no batch {batch_id[:100]}")
        return batch

    async def counts(self, batch: Batch) -> StatusCounts:
        """Return the number of *batch*'s jobs in each state now."""
        return await self.jobs.batch_counts(batch.batch_id)

    async def cancel(self, batch: Batch) -> None:
        """Cancel each job of *batch* that has not ended."""
        # In one pass: a job that its worker hands back in between is pending again.
        statuses = (JobStatus.PENDING, JobStatus.PROCESSING)
        await self._apply_to_all(batch, statuses, self.actions.cancel)

    async def retry_failed(self, batch: Batch) -> None:
        """Start a new run of each job of *batch* that has failed."""
        await self._apply_to_all(batch, (JobStatus.FAILED,), self.actions.retry)

    async def _known(self, name: str, submission: BatchSubmission) -> KnownJobType:
        try:
            return await self.job_types.get(name)
        except InvalidRequest as error:
            first = next(n for n, one in enumerate(submission.jobs) if one.job_type == name)
            raise _of_job(error, first) from None

    def _admitted(
        self,
        submission: BatchSubmission,
        known: dict[str, KnownJobType],
        principal: Principal,
    ) -> list[Job]:
        now, batch_id, jobs = self.clock.now(), new_batch_id(), []
        for n, one in enumerate(submission.jobs):
            try:
                job = self.admission.admit(
                    one, known[one.job_type], principal, now=now, batch_id=batch_id
                )
            except InvalidRequest as error:
                raise _of_job(error, n) from None
            jobs.append(job)
        return jobs

    async def _apply_to_all(
        self, batch: Batch, statuses: tuple[JobStatus, ...], action: Action
    ) -> None:
        """Apply *action* to the jobs in one of *statuses*; skip a job that has left them."""
        limit = asyncio.Semaphore(ACTIONS_AT_ONCE)

        async def apply_to(job_id: str) -> None:
            async with limit:
                job = await self.jobs.get(job_id)
                if job is None or job.status not in statuses:
                    return
                try:
                    await action(job)
                except (InvalidState, NotFound):
                    return  # another request was faster

        query = JobQuery(batch_id=batch.batch_id, statuses=statuses, limit=PAGE)
        wanted: list[str] = []
        while found := await self.jobs.find(query):
            wanted += [job.job_id for job in found]
            query = replace(query, after=(found[-1].created_at, found[-1].job_id))
        await asyncio.gather(*map(apply_to, wanted))


def _named_uploads(jobs: Sequence[Job], known: dict[str, KnownJobType]) -> dict[str, NamedUpload]:
    """Return the uploads that *jobs* name, by the path of their field."""
    schemas = [known[job.job_type].info.parameter_schema or {} for job in jobs]
    named = [
        named_upload(job.parameters, schema) for job, schema in zip(jobs, schemas, strict=True)
    ]
    return {
        f"jobs.{n}.parameters.file_id": found for n, found in enumerate(named) if found is not None
    }


def _of_job(error: InvalidRequest, index: int) -> InvalidRequest:
    """Return *error* with the paths of its fields below the job at *index*."""
    fields = (error.details or {}).get("fields", [])
    named = [(f"jobs.{index}.{one['field']}", one["message"]) for one in fields]
    return refused_fields(*named or [(f"jobs.{index}", error.message)], code=error.code)
