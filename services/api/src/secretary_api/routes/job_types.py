"""Job types: what can be submitted, and whether it is run."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.dependencies import AdminDep, PrincipalDep, ServicesDep
from secretary_api.routes.answers import FORBIDDEN, GUARDED, NOT_FOUND
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobTypes, JobTypeView
from secretary_common.models import JobTypeInfo

router = APIRouter(prefix="/api", tags=["job types"], responses=GUARDED)


@router.get("/job-types")
async def list_job_types(_caller: PrincipalDep, behind: ServicesDep) -> Success[JobTypes]:
    """List the announced job types with the JSON Schema of their parameters."""
    infos, workers = await behind.jobs.job_types.all(), await behind.workers.by_type()
    types = [_view_of(info, workers[info.job_type]) for info in infos]
    return Success(data=JobTypes(job_types=types))


@router.post("/job-types/{job_type}/pause", responses=FORBIDDEN | NOT_FOUND)
async def pause_job_type(
    _admin: AdminDep, job_type: str, behind: ServicesDep
) -> Success[JobTypeView]:
    """Have no more jobs of this type started. Running ones go on; new ones are accepted and wait.

    Workers stop starting them within about a second.
    """
    info = await behind.workers.pause(job_type)
    return Success(data=_view_of(info, (await behind.workers.by_type())[job_type]))


@router.post("/job-types/{job_type}/resume", responses=FORBIDDEN | NOT_FOUND)
async def resume_job_type(
    _admin: AdminDep, job_type: str, behind: ServicesDep
) -> Success[JobTypeView]:
    """Have jobs of this type started again."""
    info = await behind.workers.resume(job_type)
    return Success(data=_view_of(info, (await behind.workers.by_type())[job_type]))


def _view_of(info: JobTypeInfo, workers: int) -> JobTypeView:
    return JobTypeView(
        job_type=info.job_type,
        parameter_schema=info.parameter_schema,
        paused=info.paused,
        workers=workers,
    )
