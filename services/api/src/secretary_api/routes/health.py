"""Health and metrics, for whoever runs the service."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from secretary_api.dependencies import PrincipalDep, ServicesDep
from secretary_api.routes.answers import GUARDED
from secretary_api.schemas.envelope import Success, View

router = APIRouter(tags=["health"])


class Health(View):
    """How the service is."""

    state: Literal["live", "ready"]


@router.get("/health/live")
async def live() -> Success[Health]:
    """Answer as long as the process does."""
    return Success(data=Health(state="live"))


@router.get("/health/ready", responses={503: GUARDED[503]})
async def ready(behind: ServicesDep) -> Success[Health]:
    """Answer 200 while MongoDB answers. The broker does not matter: jobs are polled for too."""
    behind.require_store()
    await behind.ping_store()
    return Success(data=Health(state="ready"))


@router.get(
    "/metrics",
    response_class=Response,
    responses=GUARDED | {200: {"content": {"text/plain": {}}, "description": "Prometheus' format"}},
)
async def metrics(_caller: PrincipalDep) -> Response:
    """Show this process's counters."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
