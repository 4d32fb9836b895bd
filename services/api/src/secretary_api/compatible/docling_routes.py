"""docling-serve's routes: convert files and sources, at once or as a task to poll."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic_core import to_json
from starlette.responses import Response

from secretary_api.access.principal import Principal
from secretary_api.compatible.answer_form import AnswerForm
from secretary_api.compatible.conversions import JOB_TYPE, Conversions, Task, Wanted, job_name
from secretary_api.compatible.convert_answer import (
    archive,
    converted,
    failure_of,
    inbody,
    status_of,
)
from secretary_api.compatible.convert_request import (
    Conversion,
    conversion_of_form,
    conversion_of_json,
)
from secretary_api.compatible.detail_route import CallerDep, DetailRoute, detail
from secretary_api.dependencies import LONGEST_WAIT_SEC, ServicesDep, add_log_fields
from secretary_api.schemas.submission import JobSubmission
from secretary_common.errors import NotFound
from secretary_common.models import JobStatus

ORIGIN = "docling"
CONVERT = "/v1/convert"
UPLOADING = (f"{CONVERT}/file", f"{CONVERT}/file/async")
"""The paths whose bodies have files."""
NOT_READY = "Task result not found. Please wait for a completion status."

router = APIRouter(route_class=DetailRoute, include_in_schema=False)


async def conversions_of(request: Request) -> Conversions:
    """Return the conversions of the running application."""
    found: Conversions = request.app.state.conversions
    return found


ConversionsDep = Annotated[Conversions, Depends(conversions_of)]
KeyDep = Annotated[str | None, Header(alias="Idempotency-Key")]


async def _json_task(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    conversions: ConversionsDep,
    key: KeyDep = None,
) -> Task:
    async with services.bodies.held(request, caller.key_id) as parsed:
        conversion = await conversion_of_json(parsed, services.uploads, caller)
        del parsed
    return await _submitted(request, conversion, key, caller, conversions)


async def _form_task(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    conversions: ConversionsDep,
    key: KeyDep = None,
) -> Task:
    content_type = request.headers.get("content-type", "")
    body = request.stream()
    conversion = await conversion_of_form(content_type, body, services.uploads, caller)
    return await _submitted(request, conversion, key, caller, conversions)


async def _submitted(
    request: Request,
    conversion: Conversion,
    key: str | None,
    caller: Principal,
    conversions: Conversions,
) -> Task:
    form = AnswerForm.of(conversion.options, conversion.target)
    parameters = conversion.options.parameters() | {"context": form.context()}
    jobs = [
        JobSubmission(
            job_type=JOB_TYPE,
            job_name=job_name(source.name),
            parameters=source.parameters() | parameters,
            timeout_sec=conversion.options.document_timeout,
            tags=[ORIGIN],
        )
        for source in conversion.sources
    ]
    # What is behind a URL may change, so a repeat of a URL is another job.
    repeats = key is not None or all(source.upload for source in conversion.sources)
    identity = [[source.identity() for source in conversion.sources], parameters]
    wanted = Wanted(ORIGIN, jobs, identity if repeats else None)
    task = await conversions.submit(wanted, key, caller)
    add_log_fields(request, job_id=task.task_id)
    return task


JsonTask = Annotated[Task, Depends(_json_task)]
FormTask = Annotated[Task, Depends(_form_task)]


@router.post(f"{CONVERT}/source")
async def convert_source(task: JsonTask, caller: CallerDep, made: ConversionsDep) -> Response:
    """Convert files in the body or behind URLs, and answer with the documents."""
    return await _answered(await made.ended(task, made.max_wait_sec, caller), caller, made)


@router.post(f"{CONVERT}/file")
async def convert_file(task: FormTask, caller: CallerDep, made: ConversionsDep) -> Response:
    """Convert the files of a form, and answer with the documents."""
    return await _answered(await made.ended(task, made.max_wait_sec, caller), caller, made)


@router.post(f"{CONVERT}/source/async")
async def convert_source_later(task: JsonTask) -> Response:
    """Convert files in the body or behind URLs; the answer has the task to poll."""
    return _json(status_of(task))


@router.post(f"{CONVERT}/file/async")
async def convert_file_later(task: FormTask) -> Response:
    """Convert the files of a form; the answer has the task to poll."""
    return _json(status_of(task))


@router.get("/v1/status/poll/{task_id}")
async def poll_task(
    task_id: str,
    caller: CallerDep,
    made: ConversionsDep,
    wait: Annotated[float, Query(ge=0)] = 0,
) -> Response:
    """Show the state of a task when it has ended, or after *wait* seconds."""
    task = await made.task(task_id, caller)
    return _json(status_of(await made.ended(task, min(wait, LONGEST_WAIT_SEC), caller)))


@router.get("/v1/result/{task_id}")
async def get_result(task_id: str, caller: CallerDep, made: ConversionsDep) -> Response:
    """Show the documents of a task that has ended."""
    task = await made.task(task_id, caller)
    if not task.has_ended:
        raise NotFound(NOT_READY)
    if all(job.status is not JobStatus.COMPLETED for job in task.jobs):
        kind = {"kind": "TaskFailureResult"}
        return _json(kind | {"failure": failure_of(task.jobs[0])} if task.jobs else kind)
    return await _answered(task, caller, made)


@router.get("/health")
@router.get("/ready")
async def show_health(services: ServicesDep) -> Response:
    """Show whether the API can answer."""
    services.require_store()
    return _json({"status": "ok"})


@router.get("/version")
async def show_version(request: Request) -> Response:
    """Show what answers here."""
    return _json({"secretary": request.app.version})


async def _answered(task: Task, caller: Principal, made: Conversions) -> Response:
    if not task.has_ended:
        where = f"/v1/status/poll/{task.task_id}"
        message = f"The conversion takes long (compatible.max_wait_sec); it goes on: poll {where}."
        return detail(message, 504)
    async with made.answering:
        queries, downloads = made.services.jobs, made.services.downloads
        jobs = [await queries.get(job.job_id, caller) for job in task.jobs]
        forms = [AnswerForm.in_job(job) for job in jobs]
        documents = [
            await converted(job, form, downloads) for job, form in zip(jobs, forms, strict=True)
        ]
        if len(documents) == 1 and forms[0].target == "inbody":
            return Response(
                await asyncio.to_thread(to_json, inbody(documents[0]), inf_nan_mode="null"),
                media_type="application/json",
            )
        content = await asyncio.to_thread(archive, documents)
    headers = {"Content-Disposition": 'attachment; filename="converted_docs.zip"'}
    return Response(content, headers=headers, media_type="application/zip")


def _json(content: object) -> Response:
    return Response(to_json(content), media_type="application/json")
