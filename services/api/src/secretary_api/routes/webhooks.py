"""Webhooks: try a receiver."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from secretary_api.dependencies import PrincipalDep, ServicesDep, body_of, described_body
from secretary_api.jobs import view
from secretary_api.routes.answers import GUARDED, WITH_BODY
from secretary_api.schemas.delivery import DeliveryView, TrialRequest
from secretary_api.schemas.envelope import Success

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], responses=GUARDED)


@router.post("/test", responses=WITH_BODY, openapi_extra=described_body(TrialRequest))
async def try_receiver(
    caller: PrincipalDep,
    wanted: Annotated[TrialRequest, Depends(body_of(TrialRequest))],
    behind: ServicesDep,
) -> Success[DeliveryView]:
    """Have a notifier send one event of the phase `test`, signed as any other; tell how it went.

    It is tried once. 503: no notifier is alive.
    """
    return Success(data=view.delivery_of(await behind.deliveries.test(wanted, caller)))
