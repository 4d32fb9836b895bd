"""The dependencies of routes: the caller, the request body, the services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from secretary_api.access.principal import Principal
from secretary_api.access.sessions import COOKIE, CSRF_HEADER
from secretary_api.http import body
from secretary_api.http.errors import refused_fields
from secretary_api.jobs.idempotency import HEADER as IDEMPOTENCY_HEADER
from secretary_api.schemas.envelope import PLAIN_NUMBER, check_number
from secretary_api.services import Services
from secretary_common.errors import Unauthorized
from secretary_common.models import DELIVERIES, READ, SUBMIT, Idempotency, Job

M = TypeVar("M", bound=BaseModel)
LONGEST_WAIT_SEC = 60
READING = frozenset({"GET", "HEAD"})
JOB_TYPES = "/api/job-types"
"""Keys that submit may read it too, because the schema of the parameters is there."""
ABOUT_DELIVERIES = ("/api/deliveries", "/api/endpoints", "/api/webhooks")

BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="API key",
    description="`Authorization: Bearer sk_…`; keys are made at `POST /api/keys`.",
)


async def services_of(request: Request) -> Services:  # a plain function would need a thread
    """Return the services of the running application."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services_of)]


async def principal(
    request: Request,
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Principal:
    """Return the principal of the request.

    Raises:
        Forbidden: the key has only other scopes.
        Unauthorized, RateLimited, StoreUnavailable: see ``identified``.
    """
    caller = await identified(request, services, credentials)
    method, path = request.scope["method"], request.scope["path"]
    if not (method in READING and path == JOB_TYPES and SUBMIT in caller.scopes):
        caller.require_scope(scope_of(method, path))
    return caller


async def identified(
    request: Request, services: Services, credentials: HTTPAuthorizationCredentials | None
) -> Principal:
    """Return the principal of the request, whatever its scopes.

    Raises:
        Unauthorized: the request has no valid key, and no valid session.
        Forbidden: the session's request would change something without its CSRF token.
        RateLimited: the key has made too many requests.
        StoreUnavailable: MongoDB has not answered yet, or does not answer now.
    """
    services.require_store()
    if credentials is None:
        caller = await _of_session(request, services)
    else:
        caller = await services.keyring.principal(credentials.credentials)
    add_log_fields(request, key_id=caller.key_id)
    if count := services.request_rate.count(caller):
        request.scope["state"]["headers"] = count.headers
        count.require_allowed()
    return caller


async def _of_session(request: Request, services: Services) -> Principal:
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        raise Unauthorized
    token = request.headers.get(CSRF_HEADER)
    return await services.sessions.principal(cookie, request.method, token)


def scope_of(method: str, path: str) -> str:
    """Return the scope that a request needs of a key that is no admin."""
    if method in READING:
        return READ
    return DELIVERIES if path.startswith(ABOUT_DELIVERIES) else SUBMIT


PrincipalDep = Annotated[Principal, Depends(principal)]


async def admin(caller: PrincipalDep) -> Principal:
    """Return the principal of the request, an admin.

    Raises:
        Forbidden: the principal is not an admin.
    """
    caller.require_admin()
    return caller


AdminDep = Annotated[Principal, Depends(admin)]


async def metrics_reader(
    request: Request,
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> None:
    """Return if the request has the token of the metrics, or a key that may read them.

    Raises:
        Forbidden: the key may not read the metrics.
        Unauthorized, RateLimited, StoreUnavailable: see ``identified``.
    """
    if credentials and services.metrics_token.opens(credentials.credentials):
        return
    (await identified(request, services, credentials)).require_metrics()


MetricsReaderDep = Annotated[None, Depends(metrics_reader)]


async def job(request: Request, job_id: str, caller: PrincipalDep, services: ServicesDep) -> Job:
    """Return the job in the path.

    Raises:
        NotFound: there is no such job for the caller.
    """
    add_log_fields(request, job_id=job_id[:100])
    return await services.jobs.get(job_id, caller)


JobDep = Annotated[Job, Depends(job)]


def add_log_fields(request: Request, **fields: str) -> None:
    """Add *fields* to the log line of this request."""
    request.scope["state"].setdefault("log_fields", {}).update(fields)


async def json_body(request: Request, caller: PrincipalDep, services: ServicesDep) -> Any:
    """Return the parsed JSON body, which is read once for each request, after authentication."""
    return await services.bodies.read(request, caller.key_id)


JsonBodyDep = Annotated[Any, Depends(json_body)]


def body_of(model: type[M]) -> Callable[..., Awaitable[M]]:
    """Return a dependency that gives the JSON body as a *model*."""

    async def read(parsed: JsonBodyDep) -> M:
        return body.validated(parsed, model)

    return read


async def caller_of(request: Request, services: Services) -> Principal:
    """Return the principal of a request to a ``ThinRoute``, as ``principal`` does."""
    return await principal(request, services, await BEARER(request))


async def described_submission(
    _caller: PrincipalDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Under the same key the same body makes one job, for 48 h.",
            json_schema_extra={"pattern": "^[!-~]{1,255}$"},
        ),
    ] = None,
) -> None:
    """Describe the key and the header of a submission; ``submission_of`` reads both."""
    del idempotency_key


async def submission_of(
    request: Request, services: Services, model: type[M]
) -> tuple[M, Idempotency | None, Principal]:
    """Return the JSON body of a submission, its idempotency mark, and the principal.

    Raises:
        Unauthorized: the request has no valid key.
        InvalidRequest: the body does not fit *model*, or the idempotency key is not valid.
        NotStorable: a value in the body cannot be stored.
        BodyTooLarge: the body is over a limit.
        RateLimited: other large bodies of the key took too long.
    """
    caller = await caller_of(request, services)
    parsed = await services.bodies.read(request, caller.key_id)
    submission = body.validated(parsed, model)
    key = request.headers.get(IDEMPOTENCY_HEADER)
    mark = None if key is None else services.marker.mark(key, parsed, services.clock.now())
    return submission, mark, caller


async def described_wait(
    wait: Annotated[
        float,
        Field(ge=0, le=LONGEST_WAIT_SEC),
        PLAIN_NUMBER,
        Query(description="Seconds to wait for the end of the job."),
    ] = 0,
) -> None:
    """Describe the parameter that ``wait_of`` reads."""
    del wait


def wait_of(request: Request) -> float:
    """Return the seconds that a request to a ``ThinRoute`` waits for the end of its job.

    Raises:
        InvalidRequest: naming ``wait``.
    """
    given = request.query_params.get("wait") if request.scope["query_string"] else None
    if given is None:
        return 0.0
    try:
        seconds = float(check_number(given))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT_SEC:
        raise refused_fields(("wait", f"must be a number of seconds, 0 to {LONGEST_WAIT_SEC}"))
    return seconds


def described_body(model: type[BaseModel]) -> dict[str, object]:
    """Return the OpenAPI description of a body that ``body_of`` reads."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
