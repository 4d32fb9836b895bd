"""Jobs that are there: cancel, retry, delete."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.dependencies import JobDep, ServicesDep
from secretary_api.jobs import view
from secretary_api.routes.answers import CONFLICT, GUARDED, NOT_FOUND
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobDeleted, JobMoved

router = APIRouter(
    prefix="/api/jobs/{job_id}", tags=["jobs"], responses=GUARDED | NOT_FOUND | CONFLICT
)


@router.post("/cancel", status_code=202)
async def cancel_job(job: JobDep, behind: ServicesDep) -> Success[JobMoved]:
    """Cancel a job: one that waits at once, one that runs within moments of its next heartbeat."""
    return Success(data=JobMoved(job=view.summary_of(await behind.moves.cancel(job))))


@router.post("/retry", status_code=202)
async def retry_job(job: JobDep, behind: ServicesDep) -> Success[JobMoved]:
    """Start a new run of a job that has ended; its results and its error give way to it."""
    return Success(data=JobMoved(job=view.summary_of(await behind.moves.retry(job))))


@router.delete("")
async def delete_job(job: JobDep, behind: ServicesDep) -> Success[JobDeleted]:
    """Delete a job with all that belongs to it; one that waits is cancelled by it."""
    await behind.moves.delete(job)
    return Success(data=JobDeleted(job_id=job.job_id))
