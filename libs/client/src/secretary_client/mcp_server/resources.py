"""The resources of the MCP server: jobs, their results and their files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from secretary_client.async_client import AsyncClient
from secretary_client.error import ApiError, JobFailed, JobNotEnded, Unreachable
from secretary_client.mcp_server.parts import text_of


def add_resources(server: MCPServer, client: AsyncClient) -> None:
    """Add the templates of resources: jobs, their results and their files."""

    @server.resource("secretary://jobs/{job_id}", mime_type="application/json")
    async def job(job_id: str) -> str:
        """A job as it is now, without its results."""
        with _as_resource_errors():
            shown = {**await client.job(job_id), "results": None}
        return json.dumps(shown, ensure_ascii=False)

    @server.resource("secretary://jobs/{job_id}/result", mime_type="text/markdown")
    async def result(job_id: str) -> str:
        """The whole result of a completed job: the text of a document, or JSON."""
        with _as_resource_errors():
            results = await client.results(job_id)
        return text_of(results)

    @server.resource("secretary://jobs/{job_id}/files/{name}", mime_type="application/octet-stream")
    async def file(job_id: str, name: str) -> bytes:
        """A file of a job."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "file"
            with _as_resource_errors():
                await client.download(job_id, name, target)
            return await anyio.to_thread.run_sync(target.read_bytes)


@contextmanager
def _as_resource_errors() -> Iterator[None]:
    """Raise the errors of calls as the errors of the protocol."""
    try:
        yield
    except ApiError as error:
        is_missing = error.status == HTTPStatus.NOT_FOUND
        raise (ResourceNotFoundError if is_missing else ResourceError)(str(error)) from error
    except (JobFailed, JobNotEnded, Unreachable) as error:
        raise ResourceError(str(error)) from error
