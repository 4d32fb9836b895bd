"""Job types and templates: list them, pause and resume a type."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.dependencies import AdminDep, PrincipalDep, ServicesDep
from secretary_api.routes.responses import COMMON, FORBIDDEN, NOT_FOUND
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job_type import JobTypes, JobTypeView, Templates, TemplateView
from secretary_common.models import JobTypeInfo

router = APIRouter(prefix="/api", responses=COMMON)


@router.get("/job-types", tags=["job types"])
async def list_job_types(_caller: PrincipalDep, services: ServicesDep) -> Success[JobTypes]:
    """List the announced job types with the JSON Schema of their parameters."""
    infos = await services.job_types.all(newest=True)
    workers = await services.workers.by_type()
    types = [_view_of(info, workers[info.job_type]) for info in infos]
    return Success(data=JobTypes(job_types=types))


@router.post("/job-types/{job_type}/pause", tags=["job types"], responses=FORBIDDEN | NOT_FOUND)
async def pause_job_type(
    caller: AdminDep, job_type: str, services: ServicesDep
) -> Success[JobTypeView]:
    """Pause a job type: its new and waiting jobs do not start. Running jobs continue.

    A worker notices the pause within about a second.
    """
    info = await services.workers.pause(job_type)
    services.audit.note(caller, "job_type.pause", job_type)
    return Success(data=_view_of(info, (await services.workers.by_type())[job_type]))


@router.post("/job-types/{job_type}/resume", tags=["job types"], responses=FORBIDDEN | NOT_FOUND)
async def resume_job_type(
    caller: AdminDep, job_type: str, services: ServicesDep
) -> Success[JobTypeView]:
    """Let jobs of this type start again."""
    info = await services.workers.resume(job_type)
    services.audit.note(caller, "job_type.resume", job_type)
    return Success(data=_view_of(info, (await services.workers.by_type())[job_type]))


@router.get("/templates", tags=["templates"])
async def list_templates(_caller: PrincipalDep, services: ServicesDep) -> Success[Templates]:
    """List the announced templates by name: the shipped ones and the operator's own."""
    infos = await services.templates.all()
    return Success(data=Templates(templates=[TemplateView.model_validate(one) for one in infos]))


def _view_of(info: JobTypeInfo, workers: int) -> JobTypeView:
    return JobTypeView(
        job_type=info.job_type,
        parameter_schema=info.parameter_schema,
        paused=info.paused,
        workers=workers,
    )
