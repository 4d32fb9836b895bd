"""Batches: submit, list, show, cancel, retry."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from secretary_api.dependencies import (
    PrincipalDep,
    ServicesDep,
    described_body,
    described_submission,
    services_of,
    submission_of,
)
from secretary_api.http.answer import success
from secretary_api.http.cursor import cursor_after, parse_cursor
from secretary_api.http.thin_route import ThinRoute
from secretary_api.jobs.idempotency import submitted_headers
from secretary_api.routes.responses import COMMON, NOT_FOUND, WITH_JSON_BODY
from secretary_api.schemas.batch import (
    BatchCounts,
    BatchPage,
    BatchPageQuery,
    BatchSubmission,
    BatchSubmitted,
    BatchView,
)
from secretary_api.schemas.envelope import Success
from secretary_common.models import Batch

router = APIRouter(prefix="/api/jobs/batch", tags=["batches"], responses=COMMON)
busy = APIRouter(prefix=router.prefix, tags=["batches"], responses=COMMON, route_class=ThinRoute)
"""The routes that most requests take."""
listing = APIRouter(prefix=router.prefix, tags=["batches"], responses=COMMON)
"""The listing, whose path would be that of the job "batch" after the routes of jobs."""


async def batch(batch_id: str, caller: PrincipalDep, services: ServicesDep) -> Batch:
    """Return the batch in the path.

    Raises:
        NotFound: there is no such batch for the caller.
    """
    return await services.batches.get(batch_id, caller)


BatchDep = Annotated[Batch, Depends(batch)]


@busy.post(
    "",
    status_code=202,
    response_model=Success[BatchSubmitted],
    responses=WITH_JSON_BODY,
    dependencies=[Depends(described_submission)],
    openapi_extra=described_body(BatchSubmission),
)
async def submit_batch(request: Request) -> Response:
    """Accept up to 1,000 jobs, all of them or none."""
    services = await services_of(request)
    submission, mark, caller = await submission_of(request, services, BatchSubmission)
    stored, repeated = await services.batches.submit(submission, mark, caller)
    headers = submitted_headers(f"{router.prefix}/{stored.batch_id}", repeated=repeated)
    data = {"batch_id": stored.batch_id, "job_ids": stored.job_ids}
    return success(data, status=202, headers=headers)


@listing.get("")
async def list_batches(
    caller: PrincipalDep, services: ServicesDep, wanted: Annotated[BatchPageQuery, Query()]
) -> Success[BatchPage]:
    """List batches, newest first, with the number of their jobs in each state."""
    after = parse_cursor(wanted.cursor) if wanted.cursor else None
    found, place = await services.batches.find(caller, after=after, limit=wanted.limit)
    views = await asyncio.gather(*(_view(batch, services) for batch in found))
    following = cursor_after(*place) if place else None
    return Success(data=BatchPage(batches=views, next=following))


@router.get("/{batch_id}", responses=NOT_FOUND)
async def get_batch(batch: BatchDep, services: ServicesDep) -> Success[BatchView]:
    """Show a batch, and the number of its jobs in each state."""
    return Success(data=await _view(batch, services))


@router.post("/{batch_id}/cancel", status_code=202, responses=NOT_FOUND)
async def cancel_batch(
    batch: BatchDep, caller: PrincipalDep, services: ServicesDep
) -> Success[BatchView]:
    """Cancel each job of a batch that has not ended."""
    await services.batches.cancel(batch)
    services.audit.note(caller, "batch.cancel", batch.batch_id)
    return Success(data=await _view(batch, services))


@router.post("/{batch_id}/retry-failed", status_code=202, responses=NOT_FOUND)
async def retry_failed(
    batch: BatchDep, caller: PrincipalDep, services: ServicesDep
) -> Success[BatchView]:
    """Start a new run of each job of a batch that has failed."""
    await services.batches.retry_failed(batch)
    services.audit.note(caller, "batch.retry_failed", batch.batch_id)
    return Success(data=await _view(batch, services))


async def _view(batch: Batch, services: ServicesDep) -> BatchView:
    counts = await services.batches.counts(batch)
    return BatchView(
        batch_id=batch.batch_id,
        batch_name=batch.batch_name,
        created_at=batch.created_at,
        status=counts.status,
        counts=BatchCounts.model_validate(counts),
    )
