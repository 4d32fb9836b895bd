"""Resources: what a client can show beside a conversation."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from secretary_client.async_client import AsyncClient
from secretary_client.error import ApiError, JobFailed, JobNotEnded, Unreachable
from secretary_client.mcp_server.parts import text_of

NOT_FOUND = 404
_FAILURES = (ApiError, JobFailed, JobNotEnded, Unreachable)


def add_resources(server: MCPServer, client: AsyncClient) -> None:
    """Add the templates of resources: jobs, their results and their files."""

    @server.resource("secretary://jobs/{job_id}", mime_type="application/json")
    async def job(job_id: str) -> str:
        """A job as it is now, without its results."""
        try:
            shown = {**await client.job(job_id), "results": None}
        except _FAILURES as error:
            raise _failure(error) from error
        return json.dumps(shown, ensure_ascii=False)

    @server.resource("secretary://jobs/{job_id}/result", mime_type="text/markdown")
    async def result(job_id: str) -> str:
        """The whole result of a completed job: the text of a document, or JSON."""
        try:
            return text_of(await client.results(job_id))
        except _FAILURES as error:
            raise _failure(error) from error

    @server.resource("secretary://jobs/{job_id}/files/{name}", mime_type="application/octet-stream")
    async def file(job_id: str, name: str) -> bytes:
        """A file of a job."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "file"
            try:
                await client.download(job_id, name, target)
            except _FAILURES as error:
                raise _failure(error) from error
            return await anyio.to_thread.run_sync(target.read_bytes)


def _failure(error: Exception) -> ResourceError:
    if isinstance(error, ApiError) and error.status == NOT_FOUND:
        return ResourceNotFoundError(str(error))
    return ResourceError(str(error))
