"""Actions on a job: cancel, retry, delete."""

from __future__ import annotations

from fastapi import APIRouter, Response

from secretary_api.dependencies import JobDep, ServicesDep
from secretary_api.http.answer import success
from secretary_api.jobs import view
from secretary_api.routes.responses import COMMON, CONFLICT, NOT_FOUND
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobDeleted, JobMoved

router = APIRouter(
    prefix="/api/jobs/{job_id}", tags=["jobs"], responses=COMMON | NOT_FOUND | CONFLICT
)


@router.post("/cancel", status_code=202, response_model=Success[JobMoved])
async def cancel_job(job: JobDep, services: ServicesDep) -> Response:
    """Cancel a job: a pending job at once, a running job within seconds."""
    return success({"job": view.summary_of(await services.actions.cancel(job))}, status=202)


@router.post("/retry", status_code=202, response_model=Success[JobMoved])
async def retry_job(job: JobDep, services: ServicesDep) -> Response:
    """Start a new run of a job that has ended; its results and its error are dropped."""
    return success({"job": view.summary_of(await services.actions.retry(job))}, status=202)


@router.delete("")
async def delete_job(job: JobDep, services: ServicesDep) -> Success[JobDeleted]:
    """Delete a job with its logs and files; a pending job is cancelled too."""
    await services.actions.delete(job)
    return Success(data=JobDeleted(job_id=job.job_id))
