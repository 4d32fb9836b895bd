"""What the API does with jobs: accept, find, show."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secretary_api.auth import Principal
from secretary_api.files.uploads import Uploads, named_upload
from secretary_api.jobs.idempotency import insert_once
from secretary_api.jobs.job_types import JobTypes
from secretary_api.jobs.submission import Admission
from secretary_api.schemas.submission import JobSubmission
from secretary_common.errors import NotFound
from secretary_common.models import (
    LOG_LEVELS,
    Delivery,
    Idempotency,
    Job,
    JobQuery,
    LogEntry,
    LogLevel,
    TypeStatistic,
)
from secretary_common.ports import DeliveryRepository, Doorbell, JobRepository, LogRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

BEFORE_ALL = (0, 0)
"""Before every log entry: attempts count from 1."""


@dataclass(frozen=True, slots=True)
class JobService:
    """The jobs of a principal: its own, or all for an admin. Others' do not exist for it."""

    jobs: JobRepository
    logs: LogRepository
    deliveries: DeliveryRepository
    job_types: JobTypes
    doorbell: Doorbell
    clock: Clock
    admission: Admission
    uploads: Uploads

    async def submit(
        self, submission: JobSubmission, mark: Idempotency | None, principal: Principal
    ) -> tuple[Job, bool]:
        """Store a job durably, then ring for it; and whether it is a repeat under its key.

        A ring that fails takes nothing back.

        Raises:
            InvalidRequest: naming the field that keeps it out.
            IdempotencyKeyReused: the key came with another body before.
            StoreUnavailable: it may be stored all the same.
            NotStorable: it is too large.
        """
        known = await self.job_types.get(submission.job_type)
        job = self.admission.admit(
            submission, known.info, known.check, owner=principal.key_id, now=self.clock.now()
        )
        upload = named_upload(job.parameters, known.info.parameter_schema or {})
        if upload is not None:
            await self.uploads.require({"parameters.file_id": upload}, principal.owner_filter)
        job = job.model_copy(update={"idempotency": mark})
        stored, repeated = await insert_once(job, self.jobs, lambda: self.jobs.insert(job))
        if repeated:
            log.info("job.repeated", job_id=stored.job_id)
            return stored, True
        # Jobs of later are rung too: who hears of one sets a timer for it.
        rung = await self.doorbell.ring_job(job.job_type, job.job_id)
        log.info("job.accepted", job_id=job.job_id, job_type=job.job_type, rung=rung)
        return job, False

    async def get(self, job_id: str, principal: Principal) -> Job:
        """The job.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        job = await self.jobs.get(job_id)
        if job is None or not principal.may_see(job.owner):
            raise NotFound(f"there is no job {job_id[:100]}")
        return job

    async def find(self, query: JobQuery) -> tuple[list[Job], bool]:
        """The jobs *query* wants, and whether there are more."""
        found = await self.jobs.find(replace(query, limit=query.limit + 1))
        return found[: query.limit], len(found) > query.limit

    async def statistics(self, principal: Principal) -> dict[str, TypeStatistic]:
        """How busy each announced type is with the jobs of *principal*."""
        names = [info.job_type for info in await self.job_types.all()]
        return await self.jobs.statistics(names, self.clock.now(), owner=principal.owner_filter)

    async def delivery_counts(self, principal: Principal) -> dict[str, int]:
        """How many webhooks of the jobs of *principal* are pending, and how many dead."""
        return await self.deliveries.counts(principal.owner_filter)

    async def logs_of(self, job: Job, limit: int) -> list[LogEntry]:
        """The last *limit* log entries of *job*, oldest first."""
        return await self.logs.tail(job.job_id, limit)

    async def log_page(
        self, job: Job, *, after: tuple[int, int] | None, level: LogLevel, limit: int
    ) -> tuple[list[LogEntry], bool]:
        """At most *limit* entries of *level* and above, oldest first, and whether there are more.

        They come behind (attempt, seq) *after*, or from the start.
        """
        levels = LOG_LEVELS[LOG_LEVELS.index(level) :]
        found = await self.logs.page(
            job.job_id, after=after or BEFORE_ALL, levels=levels, limit=limit + 1
        )
        return found[:limit], len(found) > limit

    async def deliveries_of(
        self, job: Job, *, after: int | None, limit: int
    ) -> tuple[list[Delivery], bool]:
        """At most *limit* webhooks of *job*, by ``seq``, and whether there are more.

        They come behind the ``seq`` *after*, or from the start.
        """
        found = await self.deliveries.of_job(job.job_id, after=after, limit=limit + 1)
        return found[:limit], len(found) > limit
