"""API keys: create, list, limit, delete; for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from secretary_api.dependencies import (
    AdminDep,
    PrincipalDep,
    ServicesDep,
    body_of,
    described_body,
)
from secretary_api.http.cursor import cursor_after, parse_cursor
from secretary_api.http.errors import refused_fields
from secretary_api.routes.responses import COMMON, FORBIDDEN, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.delivery import PageQuery
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.key import (
    AuditPage,
    AuditView,
    KeyChange,
    KeyCreated,
    KeyDeleted,
    KeyRequest,
    Keys,
    KeyView,
    ListedKey,
    UsageView,
)
from secretary_common.models import ApiKey, AuditEntry, KeyLimits, KeyUsage

router = APIRouter(prefix="/api/keys", tags=["keys"], responses=COMMON | FORBIDDEN)


@router.post(
    "", status_code=201, responses=WITH_JSON_BODY, openapi_extra=described_body(KeyRequest)
)
async def create_key(
    caller: AdminDep,
    wanted: Annotated[KeyRequest, Depends(body_of(KeyRequest))],
    services: ServicesDep,
) -> Success[KeyCreated]:
    """Create a key. Only this answer shows it."""
    if wanted.expires_at is not None and wanted.expires_at <= services.clock.now():
        raise refused_fields(("expires_at", "must be later than now"))
    limits = KeyLimits(**wanted.limits.model_dump())
    services.admission.check_places(limits)
    key, token = await services.keyring.create(
        wanted.name, wanted.scopes, wanted.expires_at, limits
    )
    given = {"name": key.name, "scopes": key.scopes}
    services.audit.note(caller, "key.create", key.key_id, given)
    return Success(data=KeyCreated(key_id=key.key_id, key=token))


@router.get("")
async def list_keys(_admin: AdminDep, services: ServicesDep) -> Success[Keys]:
    """List all keys, without their secrets, with their limits and the figures used."""
    keys = [_listed(key, used) for key, used in await services.keys.all()]
    return Success(data=Keys(keys=keys))


@router.patch(
    "/{key_id}", responses=NOT_FOUND | WITH_JSON_BODY, openapi_extra=described_body(KeyChange)
)
async def change_key(
    caller: AdminDep,
    key_id: str,
    wanted: Annotated[KeyChange, Depends(body_of(KeyChange))],
    services: ServicesDep,
) -> Success[KeyView]:
    """Change the limits of a key; they hold everywhere within 5 seconds."""
    changes = wanted.limits.model_dump(exclude_unset=True)
    services.admission.check_places(KeyLimits(**changes))
    key = await services.keyring.change_limits(key_id, changes)
    services.audit.note(caller, "key.change", key_id, {"limits": changes})
    return Success(data=KeyView.model_validate(key))


@router.delete("/{key_id}", responses=NOT_FOUND)
async def delete_key(caller: AdminDep, key_id: str, services: ServicesDep) -> Success[KeyDeleted]:
    """Delete a key; it stops working everywhere within 5 seconds."""
    await services.keyring.delete(key_id)
    services.audit.note(caller, "key.delete", key_id)
    return Success(data=KeyDeleted(key_id=key_id))


audit = APIRouter(prefix="/api", tags=["keys"], responses=COMMON)


@audit.get("/audit")
async def list_changes(
    caller: PrincipalDep, services: ServicesDep, wanted: Annotated[PageQuery, Query()]
) -> Success[AuditPage]:
    """List the changes that this key made, an admin: that any key made, newest first.

    They are kept for 90 days: keys, paused job types, endpoints, cancelled, retried and deleted
    jobs, webhooks sent again.
    """
    after = parse_cursor(wanted.cursor) if wanted.cursor else None
    found, more = await services.audit.find(caller, after=after, limit=wanted.limit)
    following = cursor_after(found[-1].created_at, found[-1].entry_id) if more else None
    return Success(data=AuditPage(entries=[_entry_of(one) for one in found], next=following))


def _entry_of(entry: AuditEntry) -> AuditView:
    return AuditView(
        id=entry.entry_id,
        at=entry.created_at,
        key_id=entry.key_id,
        action=entry.action,
        target=entry.target,
        details=entry.details,
    )


def _listed(key: ApiKey, used: KeyUsage) -> ListedKey:
    shown = KeyView.model_validate(key)
    return ListedKey(**dict(shown), used=UsageView.model_validate(used))
