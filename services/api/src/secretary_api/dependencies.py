"""What routes ask for: who calls, what they sent, the services behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from secretary_api.auth import Keyring, Principal
from secretary_api.deliveries import DeliveryService
from secretary_api.files.downloads import JobContent
from secretary_api.files.uploads import Uploads
from secretary_api.http import body
from secretary_api.jobs.actions import JobActions
from secretary_api.jobs.batches import BatchService
from secretary_api.jobs.idempotency import IdempotencyMarker
from secretary_api.jobs.service import JobService
from secretary_api.jobs.stream import JobWatch
from secretary_api.workers import WorkerPool
from secretary_common.errors import StoreUnavailable, Unauthorized
from secretary_common.models import Idempotency, Job
from secretary_common.ports import TemplateRepository
from secretary_common.runtime.clock import Clock

M = TypeVar("M", bound=BaseModel)

BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="API key",
    description="`Authorization: Bearer sk_…`; keys are made at `POST /api/keys`.",
)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the routes."""

    jobs: JobService
    watch: JobWatch
    content: JobContent
    uploads: Uploads
    moves: JobActions
    batches: BatchService
    workers: WorkerPool
    deliveries: DeliveryService
    templates: TemplateRepository
    keyring: Keyring
    ping_store: Callable[[], Awaitable[None]]
    """Returns when MongoDB has answered, raises ``StoreUnavailable`` otherwise."""
    marker: IdempotencyMarker
    clock: Clock
    store_has_answered: Callable[[], bool]
    """Whether MongoDB has answered since this process started."""

    def require_store(self) -> None:
        """Refuse at once, where asking would take the whole deadline of an operation.

        Raises:
            StoreUnavailable: MongoDB has not answered yet.
        """
        if not self.store_has_answered():
            raise StoreUnavailable("MongoDB has not answered yet")


async def services(request: Request) -> Services:  # a plain function would cost a thread each
    """The services of the running application."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


async def principal(
    request: Request,
    behind: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Principal:
    """Who calls.

    Raises:
        Unauthorized: nobody with a valid key.
        StoreUnavailable: MongoDB has not answered yet, or does not now.
    """
    behind.require_store()
    if credentials is None:
        raise Unauthorized
    caller = await behind.keyring.principal(credentials.credentials)
    add_log_fields(request, key_id=caller.key_id)
    return caller


PrincipalDep = Annotated[Principal, Depends(principal)]


async def admin(caller: PrincipalDep) -> Principal:
    """Who calls, an admin.

    Raises:
        Forbidden: somebody else.
    """
    caller.require_admin()
    return caller


AdminDep = Annotated[Principal, Depends(admin)]


async def job(request: Request, job_id: str, caller: PrincipalDep, behind: ServicesDep) -> Job:
    """The job the path names, if it exists for the caller.

    Raises:
        NotFound: it does not.
    """
    add_log_fields(request, job_id=job_id[:100])
    return await behind.jobs.get(job_id, caller)


JobDep = Annotated[Job, Depends(job)]


def add_log_fields(request: Request, **fields: str) -> None:
    """Put *fields* on the line that tells of this request."""
    request.state.log_fields = {**getattr(request.state, "log_fields", {}), **fields}


def body_of(model: type[M]) -> Callable[..., Awaitable[M]]:
    """A dependency that gives the JSON body as a *model*; read only once the caller is known."""

    async def read(request: Request, _caller: PrincipalDep) -> M:
        return body.checked(await body.read_json(request), model)

    return read


async def mark(
    request: Request,
    _caller: PrincipalDep,
    behind: ServicesDep,
    idempotency_key: Annotated[
        str | None,
        Header(description="Under the same key the same body makes one job, for 48 h."),
    ] = None,
) -> Idempotency | None:
    """The idempotency mark of the request's JSON body, if it has the header.

    Raises:
        InvalidRequest: the key is none.
    """
    if idempotency_key is None:
        return None
    return behind.marker.mark(idempotency_key, await body.read_json(request), behind.clock.now())


MarkDep = Annotated[Idempotency | None, Depends(mark)]


def described_body(model: type[BaseModel]) -> dict[str, object]:
    """What OpenAPI should say of a body that ``body_of`` reads."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
