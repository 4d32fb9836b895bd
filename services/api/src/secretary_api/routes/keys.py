"""API keys: create, list, delete; for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from secretary_api.dependencies import AdminDep, ServicesDep, body_of, described_body
from secretary_api.routes.responses import COMMON, FORBIDDEN, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.key import KeyCreated, KeyDeleted, KeyRequest, Keys, KeyView

router = APIRouter(prefix="/api/keys", tags=["keys"], responses=COMMON | FORBIDDEN)


@router.post(
    "", status_code=201, responses=WITH_JSON_BODY, openapi_extra=described_body(KeyRequest)
)
async def create_key(
    _admin: AdminDep,
    wanted: Annotated[KeyRequest, Depends(body_of(KeyRequest))],
    services: ServicesDep,
) -> Success[KeyCreated]:
    """Create a key. Only this answer shows it."""
    key, token = await services.keyring.create(wanted.name, wanted.scopes, wanted.expires_at)
    return Success(data=KeyCreated(key_id=key.key_id, key=token))


@router.get("")
async def list_keys(_admin: AdminDep, services: ServicesDep) -> Success[Keys]:
    """List all keys, without their secrets."""
    keys = [KeyView.model_validate(key) for key in await services.keyring.all()]
    return Success(data=Keys(keys=keys))


@router.delete("/{key_id}", responses=NOT_FOUND)
async def delete_key(_admin: AdminDep, key_id: str, services: ServicesDep) -> Success[KeyDeleted]:
    """Delete a key; it stops working everywhere within 5 seconds."""
    await services.keyring.delete(key_id)
    return Success(data=KeyDeleted(key_id=key_id))
