"""The log of a job, a page at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from secretary_api.dependencies import JobDep, ServicesDep
from secretary_api.http.cursor import entry_cursor_of, parse_entry_cursor
from secretary_api.jobs import view
from secretary_api.routes.answers import GUARDED, NOT_FOUND
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import LogPage
from secretary_common.models import LogLevel

router = APIRouter(prefix="/api/jobs/{job_id}", tags=["jobs"], responses=GUARDED | NOT_FOUND)


@router.get("/logs")
async def get_job_logs(
    job: JobDep,
    behind: ServicesDep,
    after: Annotated[
        str | None,
        Query(
            description=(
                "`next` of the page before, or `attempt:seq` of an entry: what comes behind it."
            )
        ),
    ] = None,
    level: Annotated[LogLevel, Query(description="This level and those above it.")] = "debug",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Success[LogPage]:
    """Show the log of a job from its start, or from *after* on, oldest first.

    `next` is null where the log ends for now; the log of a running job is followed with
    `attempt:seq` of the last entry that came.
    """
    place = parse_entry_cursor(after) if after is not None else None
    entries, more = await behind.jobs.log_page(job, after=place, level=level, limit=limit)
    following = entry_cursor_of(entries[-1]) if more else None
    return Success(data=LogPage(logs=[view.log_of(entry) for entry in entries], next=following))
