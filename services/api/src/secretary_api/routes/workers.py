"""Workers: who lives, and what they do."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.auth import Principal
from secretary_api.dependencies import PrincipalDep, ServicesDep
from secretary_api.routes.answers import GUARDED
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.worker import Workers, WorkerView
from secretary_common.models import WorkerReport

router = APIRouter(prefix="/api", tags=["workers"], responses=GUARDED)


@router.get("/workers")
async def list_workers(caller: PrincipalDep, behind: ServicesDep) -> Success[Workers]:
    """List the workers that live; a killed one is listed for three heartbeats more."""
    reports = await behind.workers.alive()
    return Success(data=Workers(workers=[_view_of(report, caller) for report in reports]))


def _view_of(report: WorkerReport, caller: Principal) -> WorkerView:
    return WorkerView(
        id=report.worker_id,
        seen_at=report.seen_at,
        started_at=report.started_at,
        host=report.host if caller.is_admin else None,
        pid=report.pid if caller.is_admin else None,
        job_types=report.job_types,
        slots=report.slots,
        busy=len(report.running),
        running=[job.job_id for job in report.running if caller.may_see(job.owner)],
        active=report.active,
        listening=report.listening,
    )
