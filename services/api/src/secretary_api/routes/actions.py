"""Actions on a job: cancel, retry, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from secretary_api.access.principal import Principal
from secretary_api.dependencies import (
    JobDep,
    PrincipalDep,
    ServicesDep,
    body_of,
    described_body,
)
from secretary_api.http.answer import success
from secretary_api.http.cursor import cursor_after, parse_cursor
from secretary_api.http.errors import refused_fields
from secretary_api.jobs import view
from secretary_api.jobs.actions import JobAction
from secretary_api.routes.responses import COMMON, CONFLICT, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import FilteredJobs, JobDeleted, JobMoved
from secretary_api.schemas.submission import FilteredAction
from secretary_api.services import Services
from secretary_common.models import READ, JobQuery, JobStatus

router = APIRouter(
    prefix="/api/jobs/{job_id}", tags=["jobs"], responses=COMMON | NOT_FOUND | CONFLICT
)
by_filter = APIRouter(prefix="/api/jobs", tags=["jobs"], responses=COMMON)

EXAMPLE_FILTERS = {
    JobAction.CANCEL: {"status": "pending", "tag": "archive"},
    JobAction.RETRY: {"status": "failed", "job_type": "pdf"},
    JobAction.DELETE: {"status": "completed", "created_before": "2026-01-01T00:00:00Z"},
}


def _described(action: JobAction) -> dict[str, object]:
    """Return the description of the body of *action*, with the states that it takes."""
    described: dict[str, Any] = described_body(FilteredAction)
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    selection = schema["$defs"].pop("JobSelection")
    states = {"enum": [*action.sources, None]}
    schema["properties"]["filter"] = {
        **selection,
        "properties": {**selection["properties"], "status": states},
    }
    schema["example"] = {**schema["example"], "filter": EXAMPLE_FILTERS[action]}
    return described


FilteredActionDep = Annotated[FilteredAction, Depends(body_of(FilteredAction))]


@router.post("/cancel", status_code=202, response_model=Success[JobMoved])
async def cancel_job(job: JobDep, caller: PrincipalDep, services: ServicesDep) -> Response:
    """Cancel a job: a pending job at once, a running job within seconds."""
    changed = await services.actions.cancel(job)
    services.audit.note(caller, "job.cancel", job.job_id)
    shown = view.moved_of(changed, may_read=caller.has_scope(READ))
    return success({"job": shown}, status=202)


@router.post("/retry", status_code=202, response_model=Success[JobMoved])
async def retry_job(job: JobDep, caller: PrincipalDep, services: ServicesDep) -> Response:
    """Start a new run of a job that has ended; its results and its error are dropped."""
    changed = await services.actions.retry(job)
    services.audit.note(caller, "job.retry", job.job_id)
    shown = view.moved_of(changed, may_read=caller.has_scope(READ))
    return success({"job": shown}, status=202)


@router.delete("")
async def delete_job(
    job: JobDep, caller: PrincipalDep, services: ServicesDep
) -> Success[JobDeleted]:
    """Delete a job with its logs and files; a pending job is cancelled too."""
    await services.actions.delete(job)
    services.audit.note(caller, "job.delete", job.job_id)
    return Success(data=JobDeleted(job_id=job.job_id))


@by_filter.post(
    "/cancel",
    status_code=202,
    responses=WITH_JSON_BODY,
    openapi_extra=_described(JobAction.CANCEL),
)
async def cancel_jobs(
    caller: PrincipalDep, wanted: FilteredActionDep, services: ServicesDep
) -> Success[FilteredJobs]:
    """Cancel the pending and running jobs that a filter selects, at most `limit`."""
    return await _applied(JobAction.CANCEL, wanted, caller, services)


@by_filter.post(
    "/retry",
    status_code=202,
    responses=WITH_JSON_BODY,
    openapi_extra=_described(JobAction.RETRY),
)
async def retry_jobs(
    caller: PrincipalDep, wanted: FilteredActionDep, services: ServicesDep
) -> Success[FilteredJobs]:
    """Start new runs of the jobs that a filter selects, at most `limit`.

    Without a `status` in the filter, these are the failed jobs.
    """
    return await _applied(JobAction.RETRY, wanted, caller, services)


@by_filter.post(
    "/delete",
    status_code=202,
    responses=WITH_JSON_BODY,
    openapi_extra=_described(JobAction.DELETE),
)
async def delete_jobs(
    caller: PrincipalDep, wanted: FilteredActionDep, services: ServicesDep
) -> Success[FilteredJobs]:
    """Delete the jobs that a filter selects, at most `limit`; running jobs stay."""
    return await _applied(JobAction.DELETE, wanted, caller, services)


async def _applied(
    action: JobAction, wanted: FilteredAction, caller: Principal, services: Services
) -> Success[FilteredJobs]:
    given = wanted.filter.model_dump(exclude={"status"})
    after = parse_cursor(wanted.cursor) if wanted.cursor else None
    query = JobQuery(owner=caller.owner_filter, limit=wanted.limit, after=after, **given)
    statuses = _statuses_of(action, wanted.filter.status)
    one = statuses[0] if len(statuses) == 1 else None  # an index serves a single state
    query = replace(query, status=one, statuses=() if one else statuses)
    matched, done, place = await services.filtered_actions.apply(action, query)
    selected = wanted.filter.model_dump(mode="json", exclude_none=True)
    services.audit.note(caller, f"jobs.{action}", details={"filter": selected, "done": done})
    following = cursor_after(*place) if place else None
    moved = FilteredJobs(matched=matched, done=done, more=place is not None, next=following)
    return Success(data=moved)


def _statuses_of(action: JobAction, status: JobStatus | None) -> tuple[JobStatus, ...]:
    """Return the states of the jobs to change.

    Raises:
        InvalidRequest: the action cannot change jobs in the given state.
    """
    if status is None:
        return (JobStatus.FAILED,) if action is JobAction.RETRY else action.sources
    if status not in action.sources:
        known = ", ".join(action.sources)
        raise refused_fields(("filter.status", f"must be one of {known}"))
    return (status,)
