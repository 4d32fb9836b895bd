"""What the API does with batches: accept them whole, count them, move their jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from secretary_api.auth import Principal
from secretary_api.files.uploads import Uploads, named_upload
from secretary_api.http.errors import refused_fields
from secretary_api.jobs.actions import JobActions
from secretary_api.jobs.idempotency import insert_once
from secretary_api.jobs.job_types import JobTypes, KnownJobType
from secretary_api.jobs.submission import Admission
from secretary_api.schemas.batch import BatchSubmission
from secretary_common.errors import InvalidRequest, InvalidState, NotFound
from secretary_common.models import (
    Batch,
    Idempotency,
    Job,
    JobQuery,
    JobStatus,
    StatusCounts,
    new_batch_id,
)
from secretary_common.ports import BatchRepository, Doorbell, JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

PAGE = 250
"""Jobs of a batch that are read at once."""
MOVES_AT_ONCE = 16
RINGS_AT_ONCE = 32

Move = Callable[[Job], Coroutine[Any, Any, Job]]


@dataclass(frozen=True, slots=True)
class BatchService:
    """The batches of a principal: its own, or all for an admin. Others' do not exist for it."""

    batches: BatchRepository
    jobs: JobRepository
    job_types: JobTypes
    moves: JobActions
    doorbell: Doorbell
    clock: Clock
    admission: Admission
    uploads: Uploads
    in_background: Callable[[Coroutine[Any, Any, Any]], None]
    """Rings without letting the client wait for a thousand confirmations."""

    async def submit(
        self, submission: BatchSubmission, mark: Idempotency | None, principal: Principal
    ) -> tuple[Batch, bool]:
        """Store all jobs durably or none, then ring for them; and whether it is a repeat.

        Raises:
            InvalidRequest: naming the first job that is kept out, and its field.
            IdempotencyKeyReused: the key came with another body before.
            StoreUnavailable: the batch may be stored all the same.
            NotStorable: a job is too large.
        """
        names = {one.job_type for one in submission.jobs}
        known = {name: await self._known(name, submission) for name in names}
        # A thousand jobs take a while to check and to seal: other requests do not wait for it.
        jobs = await asyncio.to_thread(self._admitted, submission, known, principal)
        await self.uploads.require(_named_uploads(jobs, known), principal.owner_filter)
        batch = Batch(
            batch_id=jobs[0].batch_id or "",
            owner=principal.key_id,
            batch_name=submission.batch_name,
            job_ids=[job.job_id for job in jobs],
            created_at=jobs[0].created_at,
            idempotency=mark,
        )
        stored, repeated = await insert_once(
            batch, self.batches, lambda: self.batches.insert(batch, jobs)
        )
        if not repeated:
            log.info("batch.accepted", batch_id=batch.batch_id, jobs=len(jobs))
            self.in_background(self._ring(jobs))
        return stored, repeated

    async def get(self, batch_id: str, principal: Principal) -> Batch:
        """The batch.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        batch = await self.batches.get(batch_id)
        if batch is None or not principal.may_see(batch.owner):
            raise NotFound(f"there is no batch {batch_id[:100]}")
        return batch

    async def counts(self, batch: Batch) -> StatusCounts:
        """How many of its jobs are in each state, now."""
        return await self.jobs.batch_counts(batch.batch_id)

    async def cancel(self, batch: Batch) -> None:
        """Cancel each job of *batch* that has not ended."""
        for status in (JobStatus.PENDING, JobStatus.PROCESSING):
            await self._move_all(batch, status, self.moves.cancel)

    async def retry_failed(self, batch: Batch) -> None:
        """Start a new run of each job of *batch* that has failed."""
        await self._move_all(batch, JobStatus.FAILED, self.moves.retry)

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
            type_ = known[one.job_type]
            try:
                job = self.admission.admit(
                    one, type_.info, type_.check, owner=principal.key_id, now=now
                )
            except InvalidRequest as error:
                raise _of_job(error, n) from None
            jobs.append(job.model_copy(update={"batch_id": batch_id}))
        return jobs

    async def _ring(self, jobs: Sequence[Job]) -> None:
        limit = asyncio.Semaphore(RINGS_AT_ONCE)

        async def ring(job: Job) -> None:
            async with limit:
                await self.doorbell.ring_job(job.job_type, job.job_id)

        await asyncio.gather(*(ring(job) for job in jobs))

    async def _move_all(self, batch: Batch, status: JobStatus, move: Move) -> None:
        """Move the jobs that are in *status* now, oldest page last; a job that moved on is left."""
        limit = asyncio.Semaphore(MOVES_AT_ONCE)

        async def move_one(job_id: str) -> None:
            async with limit:
                job = await self.jobs.get(job_id)
                if job is None or job.status is not status:
                    return
                try:
                    await move(job)
                except (InvalidState, NotFound):
                    return  # somebody else was faster

        query = JobQuery(batch_id=batch.batch_id, status=status, limit=PAGE)
        wanted: list[str] = []
        while found := await self.jobs.find(query):
            wanted += [job.job_id for job in found]
            last = found[-1]
            query = JobQuery(
                batch_id=batch.batch_id,
                status=status,
                limit=PAGE,
                after=(last.created_at, last.job_id),
            )
        await asyncio.gather(*map(move_one, wanted))


def _named_uploads(jobs: Sequence[Job], known: dict[str, KnownJobType]) -> dict[str, str]:
    """The uploads that *jobs* name, by the field that names each."""
    schemas = [known[job.job_type].info.parameter_schema or {} for job in jobs]
    named = [
        named_upload(job.parameters, schema) for job, schema in zip(jobs, schemas, strict=True)
    ]
    return {
        f"jobs.{n}.parameters.file_id": found for n, found in enumerate(named) if found is not None
    }


def _of_job(error: InvalidRequest, index: int) -> InvalidRequest:
    """*error* with its fields named as those of the job at *index*."""
    fields = (error.details or {}).get("fields", [])
    named = [(f"jobs.{index}.{one['field']}", one["message"]) for one in fields]
    return refused_fields(*named or [(f"jobs.{index}", error.message)], code=error.code)
