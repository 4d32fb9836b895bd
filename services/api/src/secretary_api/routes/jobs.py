"""Jobs: submit, list, look at."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from secretary_api.dependencies import (
    JobDep,
    MarkDep,
    PrincipalDep,
    ServicesDep,
    add_log_fields,
    body_of,
    described_body,
)
from secretary_api.http.cursor import cursor_of, event_cursor_of, parse_cursor, parse_event_cursor
from secretary_api.jobs import view
from secretary_api.jobs.idempotency import REPLAYED
from secretary_api.routes.answers import GUARDED, NOT_FOUND, WITH_BODY
from secretary_api.schemas.delivery import DeliveryPage, DeliverySlice
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobPage, JobView, Submitted
from secretary_api.schemas.submission import JobFilter, JobSubmission
from secretary_common.models import JobQuery

LOGS_IN_JOB = 100

router = APIRouter(prefix="/api/jobs", tags=["jobs"], responses=GUARDED)


@router.post(
    "/",
    status_code=202,
    responses=WITH_BODY,
    openapi_extra=described_body(JobSubmission),
)
async def submit_job(
    request: Request,
    response: Response,
    caller: PrincipalDep,
    submission: Annotated[JobSubmission, Depends(body_of(JobSubmission))],
    mark: MarkDep,
    behind: ServicesDep,
) -> Success[Submitted]:
    """Accept a job: once this answers 202, it is stored durably and will be run."""
    job, repeated = await behind.jobs.submit(submission, mark, caller)
    add_log_fields(request, job_id=job.job_id)
    if repeated:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = view.job_path(job.job_id)
    return Success(data=Submitted(job_id=job.job_id, job=view.view_of(job, [])))


@router.get("/")
async def list_jobs(
    caller: PrincipalDep, behind: ServicesDep, wanted: Annotated[JobFilter, Query()]
) -> Success[JobPage]:
    """List jobs, newest first, without parameters, results and logs."""
    query = JobQuery(
        owner=caller.owner_filter,
        after=parse_cursor(wanted.cursor) if wanted.cursor else None,
        **wanted.model_dump(exclude={"cursor"}),
    )
    jobs, more = await behind.jobs.find(query)
    following = cursor_of(jobs[-1]) if more else None
    return Success(data=JobPage(jobs=[view.summary_of(job) for job in jobs], next=following))


@router.get("/{job_id}", responses=NOT_FOUND)
async def get_job(job: JobDep, behind: ServicesDep) -> Success[JobView]:
    """Show a job with its progress, results, error and last 100 log entries."""
    return Success(data=view.view_of(job, await behind.jobs.logs_of(job, LOGS_IN_JOB)))


@router.get("/{job_id}/deliveries", responses=NOT_FOUND)
async def get_job_deliveries(
    job: JobDep, behind: ServicesDep, wanted: Annotated[DeliverySlice, Query()]
) -> Success[DeliveryPage]:
    """List the webhooks of a job in the order of their events, each with every attempt to send it.

    `next` is the cursor of the next page; null when there is none.
    """
    after = parse_event_cursor(wanted.cursor) if wanted.cursor else None
    found, more = await behind.jobs.deliveries_of(job, after=after, limit=wanted.limit)
    following = event_cursor_of(found[-1]) if more else None
    shown = [view.delivery_of(one) for one in found]
    return Success(data=DeliveryPage(deliveries=shown, next=following))
