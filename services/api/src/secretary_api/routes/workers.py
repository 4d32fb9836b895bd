"""Workers that are alive, and statistics about their work."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.auth import Principal
from secretary_api.dependencies import PrincipalDep, ServicesDep
from secretary_api.routes.responses import COMMON
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.worker import DeliveryStats, Stats, TypeStats, Workers, WorkerView
from secretary_common.models import WorkerReport

router = APIRouter(prefix="/api", responses=COMMON)


@router.get("/workers", tags=["workers"])
async def list_workers(caller: PrincipalDep, services: ServicesDep) -> Success[Workers]:
    """List the workers that are alive; a killed worker stays for three more heartbeats."""
    reports = await services.workers.alive()
    return Success(data=Workers(workers=[_view_of(report, caller) for report in reports]))


@router.get("/stats", tags=["statistics"])
async def get_stats(caller: PrincipalDep, services: ServicesDep) -> Success[Stats]:
    """Count waiting and running jobs exactly: the caller's, or all for an admin."""
    found = await services.jobs.statistics(caller)
    types = {name: TypeStats.model_validate(one) for name, one in found.items()}
    counts = await services.jobs.delivery_counts(caller)
    deliveries = DeliveryStats(pending=counts["pending"], dead=counts["dead"])
    return Success(data=Stats(types=types, deliveries=deliveries))


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
        unfit={lack: message if caller.is_admin else "" for lack, message in report.unfit.items()},
    )
