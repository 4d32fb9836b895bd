"""The content of a job: its results, its files, and all files as one archive."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from secretary_api.dependencies import JobDep, ServicesDep
from secretary_api.http.answer import success
from secretary_api.jobs import view
from secretary_api.routes.responses import COMMON, NOT_FOUND
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import JobView, ResultsView
from secretary_common.errors import NotFound

router = APIRouter(prefix="/api/jobs/{job_id}", tags=["jobs"], responses=COMMON | NOT_FOUND)

NOT_MODIFIED = 304


@router.get("/results", response_model=Success[ResultsView])
async def get_job_results(job: JobDep, services: ServicesDep) -> Any:
    """Show the complete results of a job, of any size; null until it has completed."""
    if job.results_file is None:
        found = ResultsView(job_id=job.job_id, status=job.status, results=view.results_of(job))
        return Success(data=found)
    streamed = await services.downloads.results_of(job)
    return StreamingResponse(streamed, media_type="application/json")


@router.get(
    "/files/{name}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"},
        304: {"description": "The file is the one `If-None-Match` names"},
    },
)
async def get_job_file(
    job: JobDep,
    name: str,
    services: ServicesDep,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Download a file of a job; its `ETag` is its SHA-256."""
    file, found = await services.downloads.file_of(job, name)
    headers = {**_download(file.name), "ETag": f'"{file.sha256}"'}
    if if_none_match and file.sha256 in if_none_match:
        return Response(status_code=NOT_MODIFIED, headers=headers)
    headers |= {"Content-Length": str(file.size), "Content-Type": file.content_type}
    return StreamingResponse(found.chunks, headers=headers)


@router.get(
    "/download-archive",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {}}, "description": "A zip of all files of the job"},
        202: {"model": Success[JobView], "description": "The job has not ended yet"},
    },
)
async def get_job_archive(job: JobDep, services: ServicesDep) -> Response:
    """Download all files of a job as one zip, once it has ended."""
    if not job.has_ended:
        return success(view.view_of(job, []), status=202)
    if not job.files:
        raise NotFound(f"the job {job.job_id} has no files")
    zipped = services.downloads.archive_of(job)
    headers = _download(f"{job.job_id}.zip")
    return StreamingResponse(zipped, headers=headers, media_type="application/zip")


def _download(name: str) -> dict[str, str]:
    """Return headers that make a browser save the file: it may be harmful HTML.

    If a browser shows the file nevertheless, no script in it runs with the dashboard's session.
    """
    return {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
