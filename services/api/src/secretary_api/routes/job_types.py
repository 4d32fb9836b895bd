"""Job types: what can be submitted."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.dependencies import PrincipalDep, ServicesDep
from secretary_api.routes.answers import GUARDED
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobTypes, JobTypeView

router = APIRouter(prefix="/api", tags=["job types"], responses=GUARDED)


@router.get("/job-types")
async def list_job_types(_caller: PrincipalDep, behind: ServicesDep) -> Success[JobTypes]:
    """List the announced job types with the JSON Schema of their parameters."""
    infos = await behind.jobs.job_types.all()
    types = [
        JobTypeView(
            job_type=info.job_type, parameter_schema=info.parameter_schema, paused=info.paused
        )
        for info in infos
    ]
    return Success(data=JobTypes(job_types=types))
