"""Workers that are alive, and statistics about their work."""

from __future__ import annotations

from fastapi import APIRouter, Response

from secretary_api.dependencies import AdminDep, PrincipalDep, ServicesDep
from secretary_api.routes.responses import COMMON, FORBIDDEN
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.finding import Examination, FindingView
from secretary_api.schemas.overview import Overview
from secretary_api.schemas.worker import DeliveryStats, Stats, TypeStats, Workers
from secretary_api.workers import worker_of

router = APIRouter(prefix="/api", responses=COMMON)


@router.get("/workers", tags=["workers"])
async def list_workers(caller: PrincipalDep, services: ServicesDep) -> Success[Workers]:
    """List the workers that are alive; a killed worker stays for three more heartbeats."""
    reports = await services.workers.alive()
    return Success(data=Workers(workers=[worker_of(report, caller) for report in reports]))


@router.get("/stats", tags=["statistics"])
async def get_stats(caller: PrincipalDep, services: ServicesDep) -> Success[Stats]:
    """Count waiting and running jobs exactly: the caller's, or all for an admin.

    Requests share a count for twenty times as long as counting takes, at most a minute: for 0.2 s
    if few jobs wait, for half a second if 25,000 do. `counted_at` is when the counting began.
    """
    found = await services.overviews.counts(caller)
    return Success(
        data=Stats(
            counted_at=found.counted_at,
            types={name: TypeStats.model_validate(one) for name, one in found.types.items()},
            deliveries=DeliveryStats.model_validate(found.deliveries),
        )
    )


@router.get("/overview", tags=["statistics"], response_model=Success[Overview])
async def get_overview(caller: PrincipalDep, services: ServicesDep) -> Response:
    """Show the state of the system as the dashboard does: work, history, workers, webhooks.

    The figures are some seconds old, more if many jobs wait: requests share them, so a request
    costs little. For exact counts, see `GET /api/stats`.
    """
    content = b'{"status":"success","data":' + await services.overviews.json_of(caller) + b"}"
    return Response(content, media_type="application/json")


@router.get("/doctor", tags=["workers"], responses=FORBIDDEN)
async def examine_system(_admin: AdminDep, services: ServicesDep) -> Success[Examination]:
    """Examine MongoDB, the broker, disks, secrets, workers and receivers, each fault in one line.

    These are the checks of `secretary-doctor`, made by the process of the API. They take a few
    seconds if a server does not answer.
    """
    found = [FindingView.model_validate(one) for one in await services.examine()]
    healthy = not any(one.level == "fault" for one in found)
    return Success(data=Examination(healthy=healthy, findings=found))
