"""The route that Open WebUI's external document loader calls: ``PUT /process``."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Header, Request
from pydantic_core import to_json
from starlette.responses import Response

from secretary_api.compatible.conversions import JOB_TYPE, Wanted, job_name
from secretary_api.compatible.convert_answer import message_of
from secretary_api.compatible.convert_request import GivenFile, Source, base_name
from secretary_api.compatible.detail_route import CallerDep, DetailRoute, detail
from secretary_api.compatible.docling_routes import ConversionsDep
from secretary_api.compatible.job_content import JobContent
from secretary_api.dependencies import ServicesDep, add_log_fields
from secretary_api.schemas.submission import JobSubmission
from secretary_common.models import JobStatus, JsonObject

ORIGIN = "open-webui"
PATH = "/process"
_LONGEST_ID = 200
_NO_TEXT = "No extractable text in the file."
"""By these words Open WebUI knows that its own loader may try."""
_FAILED, _TOO_LATE, _GONE = 422, 504, 503

router = APIRouter(route_class=DetailRoute, include_in_schema=False)


@router.put(PATH)
async def process_file(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    conversions: ConversionsDep,
    x_filename: Annotated[str, Header()] = "document",
    x_openwebui_user_id: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Read the file in the body, and answer with a document for each page of it."""
    body = services.uploads.paced(request.stream())
    sent = GivenFile(base_name(unquote(x_filename)), body, "body")
    source = Source(await sent.name(), await services.uploads.keep(sent, caller))
    job = JobSubmission(
        job_type=JOB_TYPE,
        job_name=job_name(source.name),
        parameters=source.parameters() | {"output": "markdown"},
        user_id=(x_openwebui_user_id or "")[:_LONGEST_ID] or None,
        tags=[ORIGIN],
    )
    wanted = Wanted(ORIGIN, [job], [source.identity(), job.user_id])
    task = await conversions.submit(wanted, idempotency_key, caller)
    add_log_fields(request, job_id=task.task_id)
    task = await conversions.ended(task, conversions.max_wait_sec, caller)
    ended = task.jobs[0]
    if not task.has_ended:
        message = f"The file takes long (compatible.max_wait_sec); the job {ended.job_id} goes on."
        return detail(message, _TOO_LATE)
    if ended.status is not JobStatus.COMPLETED:
        return detail(message_of(ended), _FAILED)
    async with conversions.answering:
        documents = _documents(await JobContent.of(ended, services.downloads))
        if not documents:
            return detail(_NO_TEXT, _FAILED)
        content = await asyncio.to_thread(to_json, documents)
    return Response(content, media_type="application/json")


def _documents(content: JobContent) -> list[JsonObject]:
    """Return each page with text, of the file and of the files inside it."""
    found: list[JsonObject] = []
    for document in content.results.get("documents") or []:
        pages = document.get("text_contents") or []
        known = {
            "source": document["name"],
            "file_type": document.get("format"),
            "title": document.get("title") or PurePosixPath(document["name"]).stem,
            "author": document.get("author"),
            "total_pages": document.get("page_count"),
            "job_id": content.job.job_id,
        }
        given = {name: value for name, value in known.items() if value is not None}
        found += [
            {
                "page_content": page["text"],
                "metadata": given | {"page": page["page"] - 1, "page_label": str(page["page"])},
            }
            for page in pages
            if page["text"].strip()
        ]
    return found
