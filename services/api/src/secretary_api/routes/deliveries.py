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
from secretary_api.http.errors import refused_fields
from secretary_api.routes.responses import COMMON, CONFLICT, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.delivery import (
    DeliveryFilter,
    DeliveryPage,
    DeliveryResent,
    DeliveryView,
    Receivers,
    Recovered,
    RecoverRequest,
    TrialRequest,
)
from secretary_api.schemas.envelope import Success
from secretary_api.webhooks.delivery_view import delivery_of, ended_test_of, receiver_of
from secretary_common.errors import UrlRefused
from secretary_common.http.url_guard import origin_of
from secretary_common.models import DeliveryQuery

router = APIRouter(prefix="/api", tags=["webhooks"], responses=COMMON)


@router.get("/deliveries")
async def list_deliveries(
    caller: PrincipalDep, services: ServicesDep, wanted: Annotated[DeliveryFilter, Query()]
) -> Success[DeliveryPage]:
    """List webhooks with their last 50 attempts, newest first. `status=dead` selects dead webhooks.

    A page may have fewer than `limit` items; follow `next` until it is null.
    """
    query = DeliveryQuery(
        owner=caller.owner_filter,
        state=wanted.status,
        origin=_origin_of(wanted.receiver) if wanted.receiver else None,
        endpoint_id=wanted.endpoint,
        after=parse_cursor(wanted.cursor) if wanted.cursor else None,
        limit=wanted.limit,
    )
    found, place = await services.deliveries.find(query)
    shown = [delivery_of(one) for one in await services.deliveries.explained(found)]
    following = cursor_after(*place) if place else None
    return Success(data=DeliveryPage(deliveries=shown, next=following))


@router.get("/receivers")
async def list_receivers(caller: PrincipalDep, services: ServicesDep) -> Success[Receivers]:
    """List the receivers of webhooks that are busy or in trouble, as notifiers saw them.

    As of at most 5 seconds ago. A key sees the receivers of its last 500 webhooks. A receiver
    without traffic, failures and waiting webhooks is left out.
    """
    now = services.clock.now()
    states = await services.deliveries.receivers(caller)
    return Success(data=Receivers(receivers=[receiver_of(one, now) for one in states]))


def _origin_of(receiver: str) -> str:
    try:
        return origin_of(receiver)
    except UrlRefused as error:
        raise refused_fields(("receiver", error.message)) from None


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
    span = {"since": wanted.since.isoformat(), "until": wanted.until.isoformat()}
    services.audit.note(caller, "deliveries.recover", details={**span, "done": count})
    return Success(data=Recovered(count=count))


@router.post("/deliveries/{delivery_id}/resend", status_code=202, responses=NOT_FOUND | CONFLICT)
async def resend_delivery(
    request: Request, delivery_id: str, caller: PrincipalDep, services: ServicesDep
) -> Success[DeliveryResent]:
    """Send a webhook again now, with the same id and the same bytes."""
    add_log_fields(request, delivery_id=delivery_id[:100])
    delivery = await services.deliveries.resend(delivery_id, caller)
    services.audit.note(caller, "delivery.resend", delivery.delivery_id)
    [explained] = await services.deliveries.explained([delivery])
    return Success(data=DeliveryResent(delivery=delivery_of(explained)))


@router.post("/webhooks/test", responses=WITH_JSON_BODY, openapi_extra=described_body(TrialRequest))
async def try_receiver(
    caller: PrincipalDep,
    wanted: Annotated[TrialRequest, Depends(body_of(TrialRequest))],
    services: ServicesDep,
) -> Success[DeliveryView]:
    """Let a notifier send one event of the phase `test`, signed like any other; show the outcome.

    The notifier makes one attempt. 503: no notifier is alive.
    """
    return Success(data=ended_test_of(await services.deliveries.test(wanted, caller)))
