"""Sign in to the dashboard with an API key, show the session, sign out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from secretary_api.access.principal import Principal
from secretary_api.access.sessions import COOKIE, LIFETIME, expiry_of
from secretary_api.dependencies import BEARER, ServicesDep, identified
from secretary_api.http.answer import success
from secretary_api.schemas.envelope import to_wire
from secretary_api.services import Services
from secretary_common.errors import Unauthorized
from secretary_common.models import JsonObject

PATH = "/api/session"
_NOT_STORED = {"Cache-Control": "no-store"}

router = APIRouter(include_in_schema=False)


async def key_holder(
    request: Request,
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Principal:
    """Return the principal of a key in the header, whatever its scopes.

    Raises:
        Unauthorized, RateLimited, StoreUnavailable: see ``identified``.
    """
    if credentials is None:
        raise Unauthorized
    return await identified(request, services, credentials)


KeyHolderDep = Annotated[Principal, Depends(key_holder)]


@router.post(PATH)
async def sign_in(request: Request, caller: KeyHolderDep, services: ServicesDep) -> Response:
    """Begin a session of the API key in the header; the cookie is not readable by scripts."""
    session = await services.sessions.begin(caller)
    shown = await _shown(caller, session.cookie, session.expires_at, services)
    answer = success({"session": shown}, headers=_NOT_STORED)
    answer.set_cookie(
        COOKIE,
        session.cookie,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=_is_encrypted(request),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.get(PATH)
async def show_session(request: Request, services: ServicesDep) -> Response:
    """Show the session, with its CSRF token; null without one, so that no browser logs an error."""
    services.require_store()
    cookie = request.cookies.get(COOKIE, "")
    try:
        caller = await services.sessions.principal(cookie, "GET", None)
    except Unauthorized:
        return success({"session": None}, headers=_NOT_STORED)
    shown = await _shown(caller, cookie, expiry_of(cookie), services)
    return success({"session": shown}, headers=_NOT_STORED)


@router.delete(PATH)
async def sign_out() -> Response:
    """Remove the cookie."""
    answer = success({"session": None}, headers=_NOT_STORED)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


async def _shown(
    caller: Principal, cookie: str, expires_at: datetime, services: Services
) -> JsonObject:
    return {
        "key_id": caller.key_id,
        "name": await services.keyring.name_of(caller.key_id),
        "is_admin": caller.is_admin,
        "scopes": sorted(caller.scopes),
        "expires_at": to_wire(expires_at),
        "csrf_token": services.sessions.csrf_token(cookie),
    }


def _is_encrypted(request: Request) -> bool:
    """Return whether the browser reaches this service by HTTPS, perhaps through a proxy.

    A client that claims so falsely only makes its own cookie stricter.
    """
    forwarded = request.headers.get("X-Forwarded-Proto", "")
    return request.url.scheme == "https" or forwarded.partition(",")[0].strip() == "https"
