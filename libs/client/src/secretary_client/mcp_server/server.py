"""The MCP server with all tools and resources, and how it is served over HTTP."""

from __future__ import annotations

import errno
import hmac
import importlib.metadata
import socket
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, InputRequiredResult
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from secretary_client.async_client import AsyncClient
from secretary_client.mcp_server.parts import ResultParts
from secretary_client.mcp_server.readable_files import ReadableFiles
from secretary_client.mcp_server.refusal import refusal_of, result_of
from secretary_client.mcp_server.resources import add_resources
from secretary_client.mcp_server.tools import Tools

HOST = "127.0.0.1"
PATH = "/mcp"
PART_CHARS = 40_000
"""A part of a result; about 10,000 tokens."""
MOST_BODY_BYTES = 64 * 1024 * 1024
INSTRUCTIONS = """\
Secretary reads documents and runs background jobs. To read one document, call extract. For other
work, call list_job_types, submit, status until the job has ended, and result. Long results come in
parts.
"""


def make_server(
    client: AsyncClient, files: ReadableFiles, *, part_chars: int = PART_CHARS
) -> MCPServer:
    """Return a server with all tools and resources, not yet running.

    Args:
        client: calls the API, for all clients of this server.
        files: the files of this machine that tools may read.
        part_chars: the largest part of a result, in characters.
    """
    version = importlib.metadata.version("secretary-client")
    server = SecretaryServer(
        "secretary",
        title="Secretary",
        version=version,
        instructions=INSTRUCTIONS,
        log_level="WARNING",
    )
    Tools(client, files, ResultParts(client, part_chars)).add_to(server)
    add_resources(server, client)
    return server


class SecretaryServer(MCPServer):
    """Answers a call with wrong arguments as it answers any other call that fails."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; wrong arguments and unknown tools become results with a code."""
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            return result_of(refusal_of(error))


def listening_on(port: int) -> socket.socket:
    """Return a socket that listens on *port* of this machine, for ``serve_http``.

    Raises:
        OSError: the user may not use the port.
        ValueError: another program uses the port.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        message = f"port {port} of {HOST} is taken: choose another one with --port"
        raise ValueError(message) from error


async def serve_http(server: MCPServer, listener: socket.socket, *, token: str) -> None:
    """Serve the path ``/mcp`` of *listener* until a signal.

    Only requests with the bearer *token* are answered. Requests of web pages from other origins and
    requests to other host names are refused.
    """
    config = uvicorn.Config(http_app(server, token), log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listener])


def http_app(server: MCPServer, token: str) -> ASGIApp:
    """Return the application of ``serve_http``."""
    inner = server.streamable_http_app(
        streamable_http_path=PATH, host=HOST, max_request_body_size=MOST_BODY_BYTES
    )
    return BearerOnly(inner, token)


class BearerOnly:
    """Refuses requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application answer it."""
        if scope["type"] != "http" or self._is_allowed(scope):
            await self._app(scope, receive, send)
            return
        challenge = {"WWW-Authenticate": "Bearer"}
        await Response("a bearer token is needed", 401, challenge)(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return any(hmac.compare_digest(value, self._expected) for value in given)
