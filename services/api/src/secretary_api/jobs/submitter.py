"""The submission of single jobs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from secretary_api.access.principal import Principal
from secretary_api.files.uploads import UploadStore, named_upload
from secretary_api.jobs.admission import Admission
from secretary_api.jobs.idempotency import existing, insert_once
from secretary_api.jobs.job_types import KnownJobTypes
from secretary_api.jobs.pending_limit import PendingLimit
from secretary_api.jobs.ringer import Ringer
from secretary_api.key_endpoints import KeyEndpoints
from secretary_api.schemas.submission import JobSubmission
from secretary_common.errors import InvalidRequest, RateLimited
from secretary_common.jobs.transition import without_content
from secretary_common.models import Idempotency, Job
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

TURNS_OF_RING = 3
"""So many turns of the event loop send a ring. Then the worker claims the job while this process
builds the answer. A ring that needs longer is not awaited."""


@dataclass(frozen=True, slots=True)
class JobSubmitter:
    """Stores the jobs that clients submit, and rings for them."""

    jobs: JobRepository
    job_types: KnownJobTypes
    ringer: Ringer
    clock: Clock
    admission: Admission
    uploads: UploadStore
    pending_limit: PendingLimit
    endpoints: KeyEndpoints

    async def submit(
        self, submission: JobSubmission, mark: Idempotency | None, principal: Principal
    ) -> tuple[Job, bool]:
        """Store a job durably, and ring for it soon; return the job, and whether it existed.

        A job exists already if another request with the same ``Idempotency-Key`` has made it. If
        it was deleted since, it is returned without its content.

        Raises:
            InvalidRequest: naming the field that is refused.
            RateLimited: the API key has too many pending jobs.
            IdempotencyKeyReused: another body came with the same key.
            StoreUnavailable: the job may be stored nevertheless.
            NotStorable: the job is too large.
        """
        known = await self.job_types.get(submission.job_type)
        now = self.clock.now()
        job = self.admission.admit(submission, known, principal, now=now, idempotency=mark)
        [job] = await self.endpoints.mark([job], principal.key_id, now)
        upload = named_upload(job.parameters, known.info.parameter_schema or {})
        is_announced = False

        async def insert() -> None:
            nonlocal is_announced
            with self.ringer.storing(job) as is_announced:
                await self.jobs.insert(job)

        try:
            if upload is not None:
                await self.uploads.require({"parameters.file_id": upload}, principal.owner_filter)
            async with self.pending_limit.room(principal):
                stored, repeated = await insert_once(job, self.jobs, insert)
        except (RateLimited, InvalidRequest):  # also for a repeat, whose upload may be removed
            if not (found := await existing(job, self.jobs)):
                raise
            stored, repeated = found, True
        if repeated:
            log.info("job.repeated", job_id=stored.job_id)
            return without_content(stored) if stored.deleted_at else stored, True
        # The API rings for scheduled jobs too: the worker that receives the ring sets a timer.
        self.ringer.ring_soon(job, announced=is_announced)
        for _ in range(TURNS_OF_RING):
            await asyncio.sleep(0)
        return job, False
