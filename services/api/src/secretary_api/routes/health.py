"""Health and metrics, for the operator."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from secretary_api.dependencies import MetricsReaderDep, ServicesDep
from secretary_api.routes.responses import COMMON, FORBIDDEN
from secretary_api.schemas.envelope import Success, View

router = APIRouter(tags=["health"])


class Health(View):
    """The state of the service."""

    state: Literal["live", "ready"]


@router.get("/health/live")
async def live() -> Success[Health]:
    """Answer while the process works."""
    return Success(data=Health(state="live"))


@router.get("/health/ready", responses={503: COMMON[503]})
async def ready(services: ServicesDep) -> Success[Health]:
    """Answer 200 while MongoDB answers. The broker does not matter, because workers also poll."""
    services.require_store()
    await services.ping_store()
    return Success(data=Health(state="ready"))


@router.get(
    "/metrics",
    response_class=Response,
    responses=COMMON
    | FORBIDDEN
    | {200: {"content": {"text/plain": {}}, "description": "Prometheus' format"}},
)
async def metrics(_reader: MetricsReaderDep, services: ServicesDep) -> Response:
    """Show the metrics of this process, and of the queue of all processes.

    For keys with the scope `metrics` or `admin`.
    """
    await services.queue_figures.refresh()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
