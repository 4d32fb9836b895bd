"""Jobs: submit one, list them, show one with its deliveries and its log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from secretary_api.access.principal import Principal
from secretary_api.dependencies import (
    JobDep,
    PrincipalDep,
    ServicesDep,
    add_log_fields,
    caller_of,
    described_body,
    described_submission,
    described_wait,
    services_of,
    submission_of,
    wait_of,
)
from secretary_api.dependencies import job as job_of_path
from secretary_api.http.answer import success
from secretary_api.http.cursor import (
    cursor_after,
    entry_cursor_of,
    event_cursor_of,
    parse_cursor,
    parse_entry_cursor,
    parse_event_cursor,
)
from secretary_api.http.thin_route import ThinRoute
from secretary_api.jobs import view
from secretary_api.jobs.idempotency import submitted_headers
from secretary_api.routes.responses import COMMON, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.attempt import Attempts
from secretary_api.schemas.delivery import DeliveryPage, PageQuery
from secretary_api.schemas.envelope import PLAIN_NUMBER, Success
from secretary_api.schemas.job import JobPage, JobView, LogPage, Submitted
from secretary_api.schemas.submission import JobFilter, JobSubmission
from secretary_api.services import Services
from secretary_api.webhooks.delivery_view import delivery_of
from secretary_common.errors import NotFound, StoreUnavailable
from secretary_common.models import READ, Job, JobQuery, LogEntry, LogLevel

LOGS_IN_JOB = 100

router = APIRouter(prefix="/api/jobs", tags=["jobs"], responses=COMMON)
busy = APIRouter(prefix=router.prefix, tags=["jobs"], responses=COMMON, route_class=ThinRoute)
"""The routes that most requests take."""


@busy.post(
    "/",
    status_code=202,
    response_model=Success[Submitted],
    responses=WITH_JSON_BODY,
    dependencies=[Depends(described_submission), Depends(described_wait)],
    openapi_extra=described_body(JobSubmission),
)
async def submit_job(request: Request) -> Response:
    """Accept a job: the answer 202 means that the job is stored durably and will be run.

    With `wait`, the answer comes when the job has ended, or after this time, whichever is first.
    """
    services = await services_of(request)
    submission, mark, caller = await submission_of(request, services, JobSubmission)
    wait_sec = wait_of(request)
    if wait_sec:  # the answer may have results
        caller.require_scope(READ)
    job, repeated = await services.submitter.submit(submission, mark, caller)
    add_log_fields(request, job_id=job.job_id, job_type=job.job_type)
    logs: list[LogEntry] = []
    if wait_sec:
        job, logs = await _accepted_after_waiting(job, wait_sec, caller, services)
    data = {
        "job_id": job.job_id,
        "job": view.view_of(job, logs) if caller.has_scope(READ) else view.receipt_of(job),
        "workers": await services.live_workers.count(job.job_type),
    }
    headers = submitted_headers(view.job_path(job.job_id), repeated=repeated)
    return success(data, status=202, headers=headers)


@router.get("/", response_model=Success[JobPage])
async def list_jobs(
    caller: PrincipalDep, services: ServicesDep, wanted: Annotated[JobFilter, Query()]
) -> Response:
    """List jobs, newest first, without parameters, results and logs.

    With several filters a page may have fewer than `limit` items; follow `next` until it is null.
    """
    query = JobQuery(
        owner=caller.owner_filter,
        after=parse_cursor(wanted.cursor) if wanted.cursor else None,
        **wanted.model_dump(exclude={"cursor"}),
    )
    jobs, place = await services.jobs.find(query)
    following = cursor_after(*place) if place else None
    return success({"jobs": [view.summary_of(job) for job in jobs], "next": following})


@busy.get(
    "/{job_id}",
    response_model=Success[JobView],
    responses=NOT_FOUND,
    dependencies=[Depends(job_of_path), Depends(described_wait)],
)
async def get_job(request: Request) -> Response:
    """Show a job with its progress, results, error and last 100 log entries.

    With `wait`, the answer comes when the job has ended, or after this time, whichever is first.
    """
    services = await services_of(request)
    caller = await caller_of(request, services)
    job = await job_of_path(request, request.path_params["job_id"], caller, services)
    if (wait_sec := wait_of(request)) and not job.has_ended:
        job, logs = await _after_waiting(job, wait_sec, caller, services)
    else:
        logs = await services.jobs.logs_of(job, LOGS_IN_JOB)
    return success(view.view_of(job, logs))


async def _after_waiting(
    job: Job, wait_sec: float, caller: Principal, services: Services
) -> tuple[Job, list[LogEntry]]:
    """Return the job once it has ended, or after *wait_sec*, with its last log entries."""
    await services.stream.wait_for_end(job, wait_sec, caller.key_id)
    job = await services.jobs.get(job.job_id, caller)
    return job, await services.jobs.logs_of(job, LOGS_IN_JOB)


async def _accepted_after_waiting(
    job: Job, wait_sec: float, caller: Principal, services: Services
) -> tuple[Job, list[LogEntry]]:
    """Return what ``_after_waiting`` returns, or *job* as it was accepted.

    An error would say that the job was not accepted, and its client would submit another one. But
    the job is stored, even if MongoDB does not answer now or another client has deleted the job.
    """
    try:
        return await _after_waiting(job, wait_sec, caller, services)
    except (NotFound, StoreUnavailable):
        return job, []


@router.get("/{job_id}/attempts", responses=NOT_FOUND)
async def get_job_attempts(job: JobDep, caller: PrincipalDep) -> Success[Attempts]:
    """Show each attempt of a job: its worker, its times, its outcome, and why it ended.

    The last 50 attempts are kept, over all runs of the job.
    """
    return Success(data=view.attempts_of(job, is_admin=caller.is_admin))


@router.get("/{job_id}/deliveries", responses=NOT_FOUND)
async def get_job_deliveries(
    job: JobDep, services: ServicesDep, wanted: Annotated[PageQuery, Query()]
) -> Success[DeliveryPage]:
    """List the webhooks of a job in the order of their events, each with its last 50 attempts.

    `next` is the cursor of the next page; it is null on the last page.
    """
    after = parse_event_cursor(wanted.cursor) if wanted.cursor else None
    found, more = await services.jobs.deliveries_of(job, after=after, limit=wanted.limit)
    following = event_cursor_of(found[-1]) if more else None
    shown = [delivery_of(one) for one in await services.deliveries.explained(found)]
    return Success(data=DeliveryPage(deliveries=shown, next=following))


@router.get("/{job_id}/logs", response_model=Success[LogPage], responses=NOT_FOUND)
async def get_job_logs(
    job: JobDep,
    services: ServicesDep,
    after: Annotated[
        str | None,
        Query(
            description=(
                "`next` of the page before, or `attempt:seq` of an entry: the page begins after it."
            ),
            json_schema_extra={"pattern": "^[0-9]{1,9}:[0-9]{1,9}$"},
        ),
    ] = None,
    level: Annotated[LogLevel, Query(description="This level and those above it.")] = "debug",
    limit: Annotated[int, Field(ge=1, le=1000), PLAIN_NUMBER, Query()] = 100,
) -> Response:
    """Show the log of a job from its start, or from *after* on, oldest first.

    `next` is null at the end of the log. To follow the log of a running job, give the `attempt:seq`
    of the last entry.
    """
    place = parse_entry_cursor(after) if after is not None else None
    entries, more = await services.jobs.log_page(job, after=place, level=level, limit=limit)
    following = entry_cursor_of(entries[-1]) if more else None
    return success({"logs": [view.log_of(entry) for entry in entries], "next": following})
