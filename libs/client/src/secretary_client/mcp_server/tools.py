"""The tools; their docstrings and the descriptions of their arguments are for the model."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, cast

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from secretary_client.async_client import AsyncClient
from secretary_client.core import fields
from secretary_client.event import Event
from secretary_client.mcp_server.parts import ResultParts
from secretary_client.mcp_server.readable_files import ReadableFiles
from secretary_client.mcp_server.refusal import Refusal, refusing
from secretary_client.models import JobFields
from secretary_client.paths import JOBS

CANCEL_SEC = 10.0
LONGEST_WAIT_SEC = 20.0
"""Shorter than the timeout of a request."""
MOST_LOGS = 10

JobId = Annotated[str, Field(description="The id of the job, job-…")]
Parameters = Annotated[
    dict[str, Any], Field(description="The parameters of the job type: see list_job_types.")
]


class Tools:
    """Reads documents and manages jobs, with one API key."""

    def __init__(self, client: AsyncClient, files: ReadableFiles, parts: ResultParts) -> None:
        self._client = client
        self._files = files
        self._parts = parts

    def add_to(self, server: MCPServer) -> None:
        """Add the tools to *server*."""
        reads = ToolAnnotations(read_only_hint=True)
        makes = ToolAnnotations(read_only_hint=False, destructive_hint=False)
        ends = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)
        server.add_tool(self.extract, title="Read a document", annotations=makes)
        server.add_tool(self.submit, title="Submit a job", annotations=makes)
        server.add_tool(self.status, title="Show a job", annotations=reads)
        server.add_tool(self.result, title="Read the result of a job", annotations=reads)
        server.add_tool(self.cancel, title="Cancel a job", annotations=ends)
        server.add_tool(self.list_job_types, title="List the job types", annotations=reads)

    @refusing
    async def extract(
        self,
        ctx: Context,
        *,
        path: Annotated[str | None, Field(description="A file of this machine.")] = None,
        url: Annotated[str | None, Field(description="An http, https or s3 URL.")] = None,
        content: Annotated[str | None, Field(description="The bytes of a file as base64.")] = None,
        filename: Annotated[str | None, Field(description="The name for content.")] = None,
        options: Annotated[
            dict[str, Any] | None,
            Field(
                description="More parameters of the job type document, for example "
                '{"language": ["deu"], "page_start": 2, "page_end": 5, "password": "…"}.'
            ),
        ] = None,
    ) -> CallToolResult:
        """Read a document as Markdown: PDF, scan, picture, office file, mail, web page or archive.

        Give exactly one of path, url and content. The call waits for the end, and reports the
        progress. A long text comes in parts: read the further parts with the tool result.
        """
        source = await self._source(path, url, content, filename)
        parameters = {"output": ["markdown"], **(options or {}), **source}
        job_id = await self._submitted(parameters)
        await self._followed(ctx, job_id)
        return await self._part(job_id, 1)

    @refusing
    async def submit(
        self,
        job_type: Annotated[str, Field(description="A job type of list_job_types.")],
        parameters: Parameters,
        priority: Annotated[int | None, Field(description="0 to 9, higher first.")] = None,
        tags: Annotated[list[str] | None, Field(description="For listings.")] = None,
    ) -> CallToolResult:
        """Submit a job and return its id at once; follow it with status, then read its result."""
        wanted = cast("JobFields", fields.given(priority=priority, tags=tags))
        job = await self._client.submit(job_type, parameters, **wanted)
        return structured({"job_id": job["job_id"], "status": job["status"]})

    @refusing
    async def status(
        self,
        job_id: JobId,
        wait_sec: Annotated[
            float,
            Field(description="Wait so long for the end of the job.", ge=0, le=LONGEST_WAIT_SEC),
        ] = 0,
    ) -> CallToolResult:
        """Show a job: status, progress, error, attempts and the last lines of its log."""
        job = await self._client.call("GET", fields.path(JOBS, job_id), params={"wait": wait_sec})
        names = ("job_id", "job_type", "status", "progress", "error", "run", "attempt", "usage")
        times = ("created_at", "processing_started_at", "completed_at", "run_at")
        shown: dict[str, Any] = {name: job.get(name) for name in (*names, *times)}
        shown["files"] = [file["name"] for file in job["files"]]
        shown["logs"] = [f"{one['level']}: {one['message']}" for one in job["logs"][-MOST_LOGS:]]
        return structured(shown)

    @refusing
    async def result(
        self,
        job_id: JobId,
        *,
        part: Annotated[int, Field(description="The part, from 1.", ge=1)] = 1,
        as_json: Annotated[
            bool, Field(description="All results as JSON, not only the text of a document.")
        ] = False,
    ) -> CallToolResult:
        """Read the result of a completed job, in parts."""
        return await self._part(job_id, part, as_json=as_json)

    @refusing
    async def cancel(self, job_id: JobId) -> CallToolResult:
        """Cancel a job that has not ended; a running job stops within seconds."""
        job = await self._client.cancel(job_id)
        return structured({"job_id": job["job_id"], "status": job["status"]})

    @refusing
    async def list_job_types(self) -> CallToolResult:
        """List the job types with the JSON Schemas of their parameters, and their live workers."""
        return structured({"job_types": await self._client.job_types()})

    async def _source(
        self, path: str | None, url: str | None, content: str | None, filename: str | None
    ) -> dict[str, str]:
        if [path, url, content].count(None) != 2:  # noqa: PLR2004 - exactly one is given
            raise Refusal("VALIDATION_ERROR", "give exactly one of path, url and content")
        if url is not None:
            return {"url": url}
        if path is not None:
            return {"file_id": await self._client.upload(self._files.checked(path))}
        try:
            file = base64.b64decode("".join((content or "").split()), validate=True)
        except ValueError as error:
            raise Refusal("VALIDATION_ERROR", f"content is not base64: {error}") from error
        return {"file_id": await self._client.upload(file, filename=filename or "document")}

    async def _submitted(self, parameters: dict[str, Any]) -> str:
        """Submit a job, also if the call is cancelled meanwhile: ``_followed`` then cancels it."""
        with anyio.CancelScope(shield=True):
            return (await self._client.submit("document", parameters))["job_id"]
        raise AssertionError  # the scope swallows no error

    async def _followed(self, ctx: Context, job_id: str) -> None:
        """Report the progress of a job to its end; cancel the job if the call is cancelled."""
        reported = -1.0
        try:
            async for event in self._client.follow(job_id):
                reported = await _report(ctx, event, reported)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(CANCEL_SEC, shield=True):
                await self._client.cancel(job_id)
            raise

    async def _part(self, job_id: str, number: int, *, as_json: bool = False) -> CallToolResult:
        text, count = await self._parts.part(job_id, number, as_json=as_json)
        shown = {"job_id": job_id, "part": number, "parts": count, "text": text}
        content = [TextContent(type="text", text=text)]
        if number < count:
            more = f"This is part {number} of {count}. Read on: result, job_id {job_id}, part"
            content.append(TextContent(type="text", text=f"{more} {number + 1}."))
        return CallToolResult(content=[*content], structured_content=shown)


async def _report(ctx: Context, event: Event, reported: float) -> float:
    """Report the progress in *event*; return the progress that was reported last, in percent."""
    progress = event.data["progress"]
    percent = float(progress["percent"] or 0) if progress else 0.0
    if percent <= reported:  # the protocol wants a progress that grows
        return reported
    message = (progress and (progress["message"] or progress["step"])) or event.name
    await ctx.report_progress(percent, 100, message)
    return percent


def structured(value: dict[str, Any]) -> CallToolResult:
    """Return a result with *value*, and the same as JSON for clients that read only text."""
    text = json.dumps(value, ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=value)
