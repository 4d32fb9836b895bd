"""Webhook deliveries: list, resend, recover."""

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
from secretary_api.routes.answers import CONFLICT, GUARDED, NOT_FOUND, WITH_BODY
from secretary_api.schemas.delivery import (
    DeliveryFilter,
    DeliveryPage,
    DeliveryResent,
    Recovered,
    RecoverRequest,
)
from secretary_api.schemas.envelope import Success
from secretary_common.models import DeliveryQuery

router = APIRouter(prefix="/api/deliveries", tags=["webhooks"], responses=GUARDED)


@router.get("")
async def list_deliveries(
    caller: PrincipalDep, behind: ServicesDep, wanted: Annotated[DeliveryFilter, Query()]
) -> Success[DeliveryPage]:
    """List webhooks, newest first, each with every attempt to send it; `status=dead` for the lost.

    A page may have fewer than `limit`; follow `next` until it is null.
    """
    query = DeliveryQuery(
        owner=caller.owner_filter,
        state=wanted.status,
        after=parse_cursor(wanted.cursor) if wanted.cursor else None,
        limit=wanted.limit,
    )
    found, last = await behind.deliveries.find(query)
    following = cursor_after(last.created_at, last.delivery_id) if last else None
    return Success(
        data=DeliveryPage(deliveries=[view.delivery_of(one) for one in found], next=following)
    )


@router.post(
    "/recover", status_code=202, responses=WITH_BODY, openapi_extra=described_body(RecoverRequest)
)
async def recover_deliveries(
    caller: PrincipalDep,
    wanted: Annotated[RecoverRequest, Depends(body_of(RecoverRequest))],
    behind: ServicesDep,
) -> Success[Recovered]:
    """Send again every dead webhook made in [since, until): after an outage of the receiver."""
    count = await behind.deliveries.recover(wanted.since, wanted.until, caller)
    return Success(data=Recovered(count=count))


@router.post("/{delivery_id}/resend", status_code=202, responses=NOT_FOUND | CONFLICT)
async def resend_delivery(
    request: Request, delivery_id: str, caller: PrincipalDep, behind: ServicesDep
) -> Success[DeliveryResent]:
    """Send a webhook again now, under the same id and with the same bytes."""
    add_log_fields(request, delivery_id=delivery_id[:100])
    delivery = await behind.deliveries.resend(delivery_id, caller)
    return Success(data=DeliveryResent(delivery=view.delivery_of(delivery)))
