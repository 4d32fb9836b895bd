"""Webhooks: list deliveries, send them again, test a receiver."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from secretary_api.dependencies import (
    PrincipalDep,
    ServicesDep,
    add_log_fields,
    body_of,
    described_body,
)
from secretary_api.http.cursor import cursor_after, parse_cursor
from secretary_api.jobs import view
from secretary_api.routes.responses import COMMON, CONFLICT, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.delivery import (
    DeliveryFilter,
    DeliveryPage,
    DeliveryResent,
    DeliveryView,
    Recovered,
    RecoverRequest,
    TrialRequest,
)
from secretary_api.schemas.envelope import Success
from secretary_common.models import DeliveryQuery

router = APIRouter(prefix="/api", tags=["webhooks"], responses=COMMON)


@router.get("/deliveries")
async def list_deliveries(
    caller: PrincipalDep, services: ServicesDep, wanted: Annotated[DeliveryFilter, Query()]
) -> Success[DeliveryPage]:
    """List webhooks with all their attempts, newest first. `status=dead` selects dead webhooks.

    A page may have fewer than `limit` items; follow `next` until it is null.
    """
    query = DeliveryQuery(
        owner=caller.owner_filter,
        state=wanted.status,
        after=parse_cursor(wanted.cursor) if wanted.cursor else None,
        limit=wanted.limit,
    )
    found, last = await services.deliveries.find(query)
    following = cursor_after(last.created_at, last.delivery_id) if last else None
    return Success(
        data=DeliveryPage(deliveries=[view.delivery_of(one) for one in found], next=following)
    )


@router.post(
    "/deliveries/recover",
    status_code=202,
    responses=WITH_JSON_BODY,
    openapi_extra=described_body(RecoverRequest),
)
async def recover_deliveries(
    caller: PrincipalDep,
    wanted: Annotated[RecoverRequest, Depends(body_of(RecoverRequest))],
    services: ServicesDep,
) -> Success[Recovered]:
    """Send every dead webhook of [since, until) again, for example after a receiver's outage."""
    count = await services.deliveries.recover(wanted.since, wanted.until, caller)
    return Success(data=Recovered(count=count))


@router.post("/deliveries/{delivery_id}/resend", status_code=202, responses=NOT_FOUND | CONFLICT)
async def resend_delivery(
    request: Request, delivery_id: str, caller: PrincipalDep, services: ServicesDep
) -> Success[DeliveryResent]:
    """Send a webhook again now, with the same id and the same bytes."""
    add_log_fields(request, delivery_id=delivery_id[:100])
    delivery = await services.deliveries.resend(delivery_id, caller)
    return Success(data=DeliveryResent(delivery=view.delivery_of(delivery)))


@router.post("/webhooks/test", responses=WITH_JSON_BODY, openapi_extra=described_body(TrialRequest))
async def try_receiver(
    caller: PrincipalDep,
    wanted: Annotated[TrialRequest, Depends(body_of(TrialRequest))],
    services: ServicesDep,
) -> Success[DeliveryView]:
    """Let a notifier send one event of the phase `test`, signed like any other; show the outcome.

    The notifier makes one attempt. 503: no notifier is alive.
    """
    return Success(data=view.delivery_of(await services.deliveries.test(wanted, caller)))
