"""A job as a stream of server-sent events, to its end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from secretary_api.dependencies import JobDep, PrincipalDep, ServicesDep
from secretary_api.jobs.stream import BEFORE_ALL
from secretary_api.routes.responses import COMMON, NOT_FOUND
from secretary_api.schemas.job import JobEvent
from secretary_common.models import Job
from secretary_common.models.states import JobStatus

router = APIRouter(prefix="/api/jobs/{job_id}", tags=["jobs"], responses=COMMON | NOT_FOUND)

MEDIA_TYPE = "text/event-stream"
# Caches must not store a stream, and nginx would buffer it without the second header.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RECONNECT_MS = 2000
_SEQ = re.compile(r"[0-9]{1,18}")
_NO_CONTENT = 204


@router.get(
    "/stream",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "The events, until the job has ended"},
        204: {"description": "The job ended with the event `Last-Event-ID`: do not reconnect"},
    },
)
async def stream_job(
    job: JobDep,
    caller: PrincipalDep,
    services: ServicesDep,
    last_event_id: Annotated[
        str | None, Header(description="The `id` of the last received event: its `seq`.")
    ] = None,
) -> Response:
    """Follow a job: its state now, then each change, as server-sent events.

    `id` is `seq`; `event` is pending, progress, completed, failed or cancelled; the last three end
    the stream, and so does the end of the API key. Changes that come faster than twice a second are
    sent as one event.
    """
    after = _seq_of(last_event_id)
    if job.has_ended and job.seq <= after:
        return Response(status_code=_NO_CONTENT)
    changes = services.stream.changes(job, after, caller.key_id)
    return StreamingResponse(_written(changes), media_type=MEDIA_TYPE, headers=HEADERS)


def _seq_of(event_id: str | None) -> int:
    """Return the ``seq`` in *event_id*; without a valid one the client gets every event."""
    return int(event_id) if event_id and _SEQ.fullmatch(event_id) else BEFORE_ALL


async def _written(changes: AsyncIterator[Job | None]) -> AsyncIterator[str]:
    yield f"retry: {RECONNECT_MS}\n\n"
    async for job in changes:
        yield ": nothing new\n\n" if job is None else _event(job)


def _event(job: Job) -> str:
    name = "progress" if job.status is JobStatus.PROCESSING else job.status.value
    data = JobEvent.model_validate(job).model_dump_json()  # line breaks in it are escaped
    return f"id: {job.seq}\nevent: {name}\ndata: {data}\n\n"
