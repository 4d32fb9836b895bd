"""Routes whose errors look as FastAPI's own: ``{"detail": …}``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials
from pydantic_core import to_json
from starlette.responses import Response

from secretary_api.access.principal import Principal
from secretary_api.dependencies import BEARER, ServicesDep, identified
from secretary_api.http.errors import answer_to, refused_model
from secretary_common.errors import InvalidRequest, SecretaryError, Unauthorized
from secretary_common.models import READ, SUBMIT

UNPROCESSABLE = 422

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class DetailRoute(APIRoute):
    """Answers an error with its message as ``detail``, under the same status as elsewhere."""

    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def detailed(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as error:
                return failure(refused_model(list(error.errors())))
            except SecretaryError as error:
                return failure(error)

        return detailed


def failure(error: SecretaryError) -> Response:
    """Return the answer to *error*; the errors of fields are a list, as FastAPI's are."""
    known = answer_to(error)
    headers = {name: value for name in ("retry-after",) if (value := known.headers.get(name))}
    return detail(_detail_of(error, known.status_code), known.status_code, headers)


def detail(content: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an answer with only ``detail``."""
    body = to_json({"detail": content}, inf_nan_mode="null")
    return Response(body, status, headers, media_type="application/json")


def _detail_of(error: SecretaryError, status: int) -> Any:
    if status >= 500 and status != 503:  # noqa: PLR2004 - an error that is not for clients
        return "Something went wrong here; it is logged."
    fields = (error.details or {}).get("fields") if isinstance(error, InvalidRequest) else None
    if not fields or len(fields) == 1:  # clients show a text, but not a list
        return error.message
    return [
        {"loc": ["body", *one["field"].split(".")], "msg": one["message"], "type": "value_error"}
        for one in fields
    ]


async def caller_with_key(
    request: Request,
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    x_api_key: Annotated[str | None, Header()] = None,
) -> Principal:
    """Return the principal of a request with a key, ``X-Api-Key`` or ``Authorization: Bearer``.

    Raises:
        Unauthorized: there is no valid key; a session of the dashboard does not count.
        Forbidden: the key may not submit jobs, or not read their results.
        RateLimited, StoreUnavailable: see ``identified``.
    """
    if credentials is None and x_api_key:
        credentials = HTTPAuthorizationCredentials(scheme="Bearer", credentials=x_api_key.strip())
    if credentials is None:
        services.require_store()
        raise Unauthorized
    caller = await identified(request, services, credentials)
    caller.require_scope(READ)
    if request.method != "GET":
        caller.require_scope(SUBMIT)
    return caller


CallerDep = Annotated[Principal, Depends(caller_with_key)]
