"""How busy the system is: what an autoscaler asks."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.dependencies import PrincipalDep, ServicesDep
from secretary_api.routes.answers import GUARDED
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.stats import DeliveryStats, Stats, TypeStats

router = APIRouter(prefix="/api", tags=["statistics"], responses=GUARDED)


@router.get("/stats")
async def get_stats(caller: PrincipalDep, behind: ServicesDep) -> Success[Stats]:
    """Count what waits and what runs, exactly; of the caller's jobs, or of all for an admin."""
    found = await behind.jobs.statistics(caller)
    types = {name: TypeStats.model_validate(one) for name, one in found.items()}
    sent = await behind.jobs.delivery_counts(caller)
    deliveries = DeliveryStats(pending=sent["pending"], dead=sent["dead"])
    return Success(data=Stats(types=types, deliveries=deliveries))
