"""A job as a stream of server-sent events, to its end."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from secretary_api.dependencies import JobDep, PrincipalDep, ServicesDep
from secretary_api.jobs.all_jobs_stream import Group, Wanted
from secretary_api.jobs.stream import BEFORE_ALL
from secretary_api.routes.responses import COMMON, NOT_FOUND
from secretary_api.schemas.envelope import Request
from secretary_api.schemas.job import FeedEvent, JobEvent
from secretary_common.errors import FeedLost, StoreUnavailable
from secretary_common.models import Job
from secretary_common.models.states import JobStatus
from secretary_common.ports import FeedPlace

router = APIRouter(prefix="/api/jobs/{job_id}", tags=["jobs"], responses=COMMON | NOT_FOUND)

MEDIA_TYPE = "text/event-stream"
# Caches must not store a stream, and nginx would buffer it without the second header.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RECONNECT_MS = 2000
_PLACE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
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


feed = APIRouter(prefix="/api", tags=["jobs"], responses=COMMON)


class FeedFilter(Request):
    """The filters of the stream of all jobs."""

    status: JobStatus | None = None
    job_type: str | None = None
    batch_id: str | None = None
    tag: str | None = None
    user_id: str | None = None


@feed.get(
    "/stream",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "The events of the jobs, without end"}
    },
)
async def stream_jobs(
    caller: PrincipalDep,
    services: ServicesDep,
    wanted: Annotated[FeedFilter, Query()],
    last_event_id: Annotated[
        str | None, Header(description="The `id` of the last received event.")
    ] = None,
) -> Response:
    """Follow all jobs of the API key, an admin all jobs, over one connection.

    Each change of a job is an event, as in the stream of one job; the data has its type, batch,
    user and tags too. `id` is a place in the stream: with it as `Last-Event-ID` the stream goes on
    there, also at another process of the API. A job's state may come twice, so compare `seq`. The
    event `reset` means that changes are missing, after an hour or more: list the jobs again.
    """
    after = _place_of(last_event_id) if last_event_id else services.all_jobs.now()
    filters = Wanted(owner=caller.owner_filter, **wanted.model_dump())
    groups = services.all_jobs.changes(filters, after or UNKNOWN, caller.key_id)
    return StreamingResponse(
        _written_all(groups, after or services.all_jobs.now(), services.all_jobs.now()),
        media_type=MEDIA_TYPE,
        headers=HEADERS,
    )


UNKNOWN = FeedPlace(-1, 0)
"""The place of an id that is not one of this stream: its changes are lost."""


def _place_of(event_id: str) -> FeedPlace | None:
    found = _PLACE.fullmatch(event_id)
    return FeedPlace(int(found[1]), int(found[2])) if found else None


def _id_of(place: FeedPlace) -> str:
    return f"id: {place.seconds}-{place.number}\n"


async def _written_all(
    groups: AsyncIterator[Group], place: FeedPlace, now: FeedPlace
) -> AsyncIterator[str]:
    """Write groups of changes, each as one text: every text costs a write to the connection.

    Only the last event of a group has the place after the group.
    """
    yield f"retry: {RECONNECT_MS}\n{_id_of(place)}\n"
    try:
        async for group in groups:
            before = "".join(_feed_event(job, place) for job in group.jobs[:-1])
            place = group.place
            # Without data this is no event, but the client remembers the id.
            last = _feed_event(group.jobs[-1], place) if group.jobs else f"{_id_of(place)}\n"
            yield before + last
    except FeedLost:
        yield f"{_id_of(now)}event: reset\ndata: {{}}\n\n"
    except StoreUnavailable:
        return  # the client comes back


def _feed_event(job: Job, place: FeedPlace) -> str:
    return _id_of(place) + _WRITTEN.text_of(job)


class WrittenEvents:
    """The texts of the last events, because many clients get the same event."""

    def __init__(self, most: int = 2000) -> None:
        """*most*: how many texts are kept."""
        self._most = most
        self._texts: OrderedDict[tuple[str, int, datetime], str] = OrderedDict()

    def text_of(self, job: Job) -> str:
        """Return the event of *job* without its id; each visible change raises ``seq``."""
        key = (job.job_id, job.seq, job.updated_at)
        if key not in self._texts:
            data = FeedEvent.model_validate(job).model_dump_json()
            self._texts[key] = f"event: {_name_of(job)}\ndata: {data}\n\n"
            if len(self._texts) > self._most:
                self._texts.popitem(last=False)
        return self._texts[key]


_WRITTEN = WrittenEvents()


def _name_of(job: Job) -> str:
    return "progress" if job.status is JobStatus.PROCESSING else job.status.value


def _seq_of(event_id: str | None) -> int:
    """Return the ``seq`` in *event_id*; without a valid one the client gets every event."""
    return int(event_id) if event_id and _SEQ.fullmatch(event_id) else BEFORE_ALL


async def _written(changes: AsyncIterator[Job | None]) -> AsyncIterator[str]:
    yield f"retry: {RECONNECT_MS}\n\n"
    async for job in changes:
        yield ": nothing new\n\n" if job is None else _event(job)


def _event(job: Job) -> str:
    data = JobEvent.model_validate(job).model_dump_json()  # line breaks in it are escaped
    return f"id: {job.seq}\nevent: {_name_of(job)}\ndata: {data}\n\n"
