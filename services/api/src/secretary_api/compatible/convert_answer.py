"""The answers of docling-serve: the state of a task, and the documents that it has made."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic_core import to_json

from secretary_api.compatible.answer_form import AnswerForm
from secretary_api.compatible.conversions import Task
from secretary_api.compatible.docling_document import Origin, Picture, docling_document
from secretary_api.compatible.job_content import JobContent
from secretary_api.files.downloads import Downloads
from secretary_common.errors import ErrorCode
from secretary_common.models import Job, JobStatus, JsonObject

SUCCESS, FAILURE, SKIPPED = "success", "failure", "skipped"
_STATUS = {
    JobStatus.PENDING: "pending",
    JobStatus.PROCESSING: "started",
    JobStatus.COMPLETED: SUCCESS,
}
_CATEGORIES: Mapping[str, str] = {
    ErrorCode.JOB_TIMEOUT: "timeout",
    ErrorCode.PARSE_TIMEOUT: "timeout",
    ErrorCode.FETCH_FAILED: "source_unavailable",
    ErrorCode.FILE_NOT_FOUND: "source_unavailable",
    ErrorCode.URL_REFUSED: "policy",
    ErrorCode.UNSUPPORTED_MEDIA: "policy",
    ErrorCode.DOCUMENT_TOO_LARGE: "policy",
}
_FORMATS = {
    "image": ("png", "jpeg", "tiff", "webp", "heic", "gif", "bmp"),
    "email": ("eml", "msg"),
    "md": ("md", "txt"),
}
"""Docling's names of formats that stand for several of ours; the others are the same."""
_ARCHIVE = "the files of an archive are not converted here; submit a job of the type document"
_EXTENSIONS = {"md": "md", "html": "html", "text": "txt"}


@dataclass(frozen=True, slots=True)
class Converted:
    """What one job has made, as its client wants it."""

    filename: str
    status: str
    content: Mapping[str, Any]
    """The document by format; empty if nothing was read."""
    pictures: Mapping[str, bytes]
    """The pictures to which ``content`` refers, by the names of their files."""
    errors: list[str]
    processing_sec: float


def status_of(task: Task) -> JsonObject:
    """Return the state of *task*, docling's ``TaskStatusResponse``."""
    failed = [job for job in task.jobs if job.has_ended and _status(job) == FAILURE]
    counts = {
        "num_docs": len(task.jobs),
        "num_processed": sum(job.has_ended for job in task.jobs),
        "num_succeeded": sum(_status(job) == SUCCESS for job in task.jobs),
        "num_failed": len(failed),
    }
    answer: JsonObject = {
        "task_id": task.task_id,
        "task_type": "convert",
        "task_status": _task_status(task, len(failed)),
        "task_position": None,
        "task_meta": counts,
        "error_message": None,
    }
    if answer["task_status"] == FAILURE and failed:
        answer |= {"error_message": message_of(failed[0]), "failure": failure_of(failed[0])}
    return answer


def failure_of(job: Job) -> JsonObject:
    """Return why *job* failed, docling's ``PublicFailureInfo``."""
    code = job.error.code if job.error else ""
    category = _CATEGORIES.get(code, "internal")
    return {
        "category": category,
        "message": message_of(job),
        "retryable": category in ("timeout", "source_unavailable"),
        "phase": "execution",
        "details": {"code": code} if code else {},
    }


def message_of(job: Job) -> str:
    """Return why *job* has no results, in a sentence."""
    if job.error is None:
        return f"the job {job.job_id} was cancelled"
    return f"{job.error.code}: {job.error.message}"


async def converted(job: Job, form: AnswerForm, downloads: Downloads) -> Converted:
    """Return what *job*, which has ended, has made."""
    name = job.job_name or job.job_id
    seconds = _processing_sec(job)
    if job.status is not JobStatus.COMPLETED:
        return Converted(name, FAILURE, {}, {}, [message_of(job)], seconds)
    content = await JobContent.of(job, downloads)
    name = content.first.get("name") or name
    if not _is_wanted(content.first.get("format"), form.from_formats):
        error = f"the file is {content.first.get('format')}, which is not in from_formats"
        return Converted(name, SKIPPED, {}, {}, [error], seconds)
    if content.first.get("format") == "zip":
        return Converted(name, FAILURE, {}, {}, [_ARCHIVE], seconds)
    pictures = {} if form.images == "placeholder" else await content.pictures()
    embedded = pictures if form.images == "embedded" or form.target == "inbody" else {}
    made = await _made(content, name, form, embedded)
    files = {} if embedded else {one: await content.file(one) for one in pictures}
    return Converted(name, SUCCESS, made, files, [], seconds)


def inbody(one: Converted) -> JsonObject:
    """Return the answer with one document, docling's ``ConvertDocumentResponse``."""
    names = ("md", "json", "html", "text", "doctags")
    return {
        "document": {
            "filename": one.filename,
            **{f"{name}_content": one.content.get(name) for name in names},
        },
        "status": one.status,
        "errors": [
            {"component_type": "pipeline", "module_name": "secretary", "error_message": error}
            for error in one.errors
        ],
        "processing_time": one.processing_sec,
        "timings": {},
    }


def archive(documents: list[Converted]) -> bytes:
    """Return a zip with the files of *documents*; several have a folder each."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for number, one in enumerate(documents, 1):
            stem = PurePosixPath(one.filename).stem or "document"
            folder = "" if len(documents) == 1 else f"{number:03d}_{stem}/"
            for name, content in _archived(one, stem):
                made.writestr(folder + name, content)
    return buffer.getvalue()


def _archived(one: Converted, stem: str) -> Iterator[tuple[str, bytes]]:
    for name, content in one.content.items():
        if name == "json":
            yield f"{stem}.json", to_json(content)
        else:
            yield f"{stem}.{_EXTENSIONS[name]}", str(content).encode(errors="replace")
    yield from one.pictures.items()
    if one.errors:
        yield "errors.txt", "\n".join(one.errors).encode(errors="replace")


async def _made(
    content: JobContent, name: str, form: AnswerForm, embedded: Mapping[str, Picture]
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "md" in form.to_formats:
        made["md"] = _embedded(_markdown(content, form.page_break), embedded)
    if "html" in form.to_formats and content.has_output("html"):
        html = (await content.file("document.html")).decode(errors="replace")
        made["html"] = _embedded(html, embedded)
    if "text" in form.to_formats and content.has_output("text"):
        made["text"] = await content.plain_text()
    if "json" in form.to_formats and content.has_output("json"):
        first = content.first
        origin = Origin(name, first.get("media_type"), first.get("sha256"))
        pages, title = await content.layout(), PurePosixPath(name).stem
        made["json"] = await asyncio.to_thread(docling_document, title, pages, origin, embedded)
    return made


def _markdown(content: JobContent, page_break: str) -> str:
    """Return the Markdown of all pages; blank pages have no page break, as in docling."""
    texts = [page["text"].strip("\n") for page in content.pages]
    between = f"\n\n{page_break}\n\n" if page_break else "\n\n"
    return between.join(text for text in texts if text.strip())


def _embedded(text: str, pictures: Mapping[str, Picture]) -> str:
    for name, picture in pictures.items():
        text = text.replace(f"]({name})", f"]({picture.uri})")
        text = text.replace(f'src="{name}"', f'src="{picture.uri}"')
    return text


def _is_wanted(found: Any, from_formats: list[str] | None) -> bool:
    if from_formats is None:
        return True
    names = [ours for name in from_formats for ours in _FORMATS.get(name, (name,))]
    return found in names


def _status(job: Job) -> str:
    return _STATUS.get(job.status, FAILURE)


def _task_status(task: Task, failed: int) -> str:
    if not task.has_ended:
        began = any(job.status is not JobStatus.PENDING for job in task.jobs)
        return "started" if began else "pending"
    return FAILURE if failed and failed == len(task.jobs) else SUCCESS


def _processing_sec(job: Job) -> float:
    if job.processing_started_at is None or job.completed_at is None:
        return 0.0
    return round((job.completed_at - job.processing_started_at).total_seconds(), 3)
