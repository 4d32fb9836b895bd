"""Endpoints: register, list, change, rotate the secret, replay, test, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from secretary_api.dependencies import PrincipalDep, ServicesDep, body_of, described_body
from secretary_api.http.cursor import cursor_after, parse_cursor
from secretary_api.routes.responses import COMMON, CONFLICT, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.delivery import DeliveryAttemptView, DeliveryView, PageQuery
from secretary_api.schemas.endpoint import (
    EndpointChange,
    EndpointDeleted,
    EndpointPage,
    EndpointRequest,
    EndpointShown,
    EndpointView,
    Replayed,
    ReplayRequest,
    RotationRequest,
    SecretRotated,
)
from secretary_api.schemas.envelope import Success
from secretary_api.services import Services
from secretary_api.webhooks.delivery_view import ended_test_of, redacted_url
from secretary_common.models import DeliveryAttempt, Endpoint

router = APIRouter(prefix="/api/endpoints", tags=["webhooks"], responses=COMMON)


async def endpoint(endpoint_id: str, caller: PrincipalDep, services: ServicesDep) -> Endpoint:
    """Return the endpoint in the path.

    Raises:
        NotFound: there is no such endpoint for the caller.
    """
    return await services.endpoints.get(endpoint_id, caller)


EndpointDep = Annotated[Endpoint, Depends(endpoint)]


@router.post(
    "",
    status_code=201,
    responses=CONFLICT | WITH_JSON_BODY,
    openapi_extra=described_body(EndpointRequest),
)
async def register_endpoint(
    caller: PrincipalDep,
    wanted: Annotated[EndpointRequest, Depends(body_of(EndpointRequest))],
    services: ServicesDep,
) -> Success[EndpointShown]:
    """Register a receiver of the events of this key's jobs that are submitted from now on."""
    made = await services.endpoints.register(wanted, caller)
    services.audit.note(caller, "endpoint.create", made.endpoint_id)
    return Success(data=EndpointShown(endpoint=_view(made, None)))


@router.get("")
async def list_endpoints(
    caller: PrincipalDep, services: ServicesDep, wanted: Annotated[PageQuery, Query()]
) -> Success[EndpointPage]:
    """List the endpoints of this key, an admin: of all keys, newest first."""
    after = parse_cursor(wanted.cursor) if wanted.cursor else None
    found, more = await services.endpoints.find(caller, after=after, limit=wanted.limit)
    failures = await asyncio.gather(*map(services.endpoints.last_failure, found))
    shown = [_view(one, failure) for one, failure in zip(found, failures, strict=True)]
    following = cursor_after(found[-1].created_at, found[-1].endpoint_id) if more else None
    return Success(data=EndpointPage(endpoints=shown, next=following))


@router.get("/{endpoint_id}", responses=NOT_FOUND)
async def show_endpoint(one: EndpointDep, services: ServicesDep) -> Success[EndpointShown]:
    """Show an endpoint with its last failure."""
    return await _shown(one, services)


@router.patch(
    "/{endpoint_id}",
    responses=NOT_FOUND | WITH_JSON_BODY,
    openapi_extra=described_body(EndpointChange),
)
async def change_endpoint(
    one: EndpointDep,
    caller: PrincipalDep,
    wanted: Annotated[EndpointChange, Depends(body_of(EndpointChange))],
    services: ServicesDep,
) -> Success[EndpointShown]:
    """Change an endpoint. While it is disabled, it keeps the ends of jobs as `skipped` webhooks."""
    changed = await services.endpoints.change(one, wanted)
    names = sorted(wanted.model_fields_set)
    services.audit.note(caller, "endpoint.change", one.endpoint_id, {"fields": names})
    return await _shown(changed, services)


@router.delete("/{endpoint_id}", responses=NOT_FOUND)
async def delete_endpoint(
    one: EndpointDep, caller: PrincipalDep, services: ServicesDep
) -> Success[EndpointDeleted]:
    """Delete an endpoint; its webhooks that are not delivered yet are dropped."""
    await services.endpoints.delete(one)
    services.audit.note(caller, "endpoint.delete", one.endpoint_id)
    return Success(data=EndpointDeleted(id=one.endpoint_id))


@router.post(
    "/{endpoint_id}/rotate-secret",
    responses=NOT_FOUND | WITH_JSON_BODY,
    openapi_extra=described_body(RotationRequest),
)
async def rotate_secret(
    one: EndpointDep,
    caller: PrincipalDep,
    wanted: Annotated[RotationRequest, Depends(body_of(RotationRequest))],
    services: ServicesDep,
) -> Success[SecretRotated]:
    """Give an endpoint a new secret. Until the overlap ends, both secrets sign."""
    secret, until = await services.endpoints.rotate(one, wanted)
    services.audit.note(caller, "endpoint.rotate", one.endpoint_id)
    return Success(data=SecretRotated(secret=secret, rotated_until=until))


@router.post(
    "/{endpoint_id}/replay",
    status_code=202,
    responses=NOT_FOUND | CONFLICT | WITH_JSON_BODY,
    openapi_extra=described_body(ReplayRequest),
)
async def replay_events(
    one: EndpointDep,
    caller: PrincipalDep,
    wanted: Annotated[ReplayRequest, Depends(body_of(ReplayRequest))],
    services: ServicesDep,
) -> Success[Replayed]:
    """Send the skipped and dead webhooks of an endpoint again, from the time `since` on."""
    count = await services.endpoints.replay(one, wanted)
    services.audit.note(caller, "endpoint.replay", one.endpoint_id, {"done": count})
    return Success(data=Replayed(count=count))


@router.post("/{endpoint_id}/test", responses=NOT_FOUND)
async def try_endpoint(one: EndpointDep, services: ServicesDep) -> Success[DeliveryView]:
    """Let a notifier send one event of the phase `test` to an endpoint; show the outcome."""
    return Success(data=ended_test_of(await services.endpoints.test(one)))


async def _shown(one: Endpoint, services: Services) -> Success[EndpointShown]:
    failure = await services.endpoints.last_failure(one)
    return Success(data=EndpointShown(endpoint=_view(one, failure)))


def _view(one: Endpoint, failure: DeliveryAttempt | None) -> EndpointView:
    return EndpointView(
        id=one.endpoint_id,
        url=redacted_url(one.url),
        kind=one.kind,
        events=one.events,
        job_types=one.job_types,
        tags=one.tags,
        enabled=one.enabled,
        headers=sorted(one.headers or {}),
        has_secret=one.secret is not None,
        rotated_until=one.older_until,
        created_at=one.created_at,
        updated_at=one.updated_at,
        last_failure=DeliveryAttemptView.model_validate(failure) if failure else None,
        message=_message_of(failure) if failure else None,
    )


def _message_of(failure: DeliveryAttempt) -> str:
    return failure.error or f"the receiver answered {failure.status_code}"
