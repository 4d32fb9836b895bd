"""``secretary mcp``: the tools for language models, over the Model Context Protocol.

The package ``mcp`` is imported only when the command runs.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import anyio
import typer

from secretary_client.cli.registration import SYSTEM as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session

TOKEN = "SECRETARY_MCP_TOKEN"  # noqa: S105 - the name of a variable
DEFAULT_PORT = 5004


def mcp(
    session: Session,
    *,
    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP on 127.0.0.1, not over stdio.")
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65535, help="For --http.")
    ] = DEFAULT_PORT,
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            "--folder",
            metavar="PATH",
            exists=True,
            file_okay=False,
            help="Tools may read files only there; may be repeated.",
            show_default="all files; with --http none",
        ),
    ] = None,
) -> None:
    """Serve tools for language models (MCP): read documents, submit and follow jobs.

    With --http, clients need the token of SECRETARY_MCP_TOKEN. Without this variable a token is
    made and written to standard error.
    """
    try:
        from secretary_client.mcp_server import server as mcp_server  # noqa: PLC0415 - may be missing
        from secretary_client.mcp_server.readable_files import ReadableFiles  # noqa: PLC0415 - may be missing
    except ModuleNotFoundError as error:  # an installation without the extra
        package = (error.name or "").partition(".")[0]
        message = f'{package} is missing: pip install "secretary-client[cli,mcp]"'
        raise ValueError(message) from error
    client = session.async_client()
    files = ReadableFiles(folder or []) if folder or http else ReadableFiles.all()
    listener = mcp_server.listening_on(port) if http else None

    async def serve() -> None:
        async with client:
            made = mcp_server.make_server(client, files)
            if listener:
                await mcp_server.serve_http(made, listener, token=_token(session, port))
            else:
                await made.run_stdio_async()

    anyio.run(serve)


def _token(session: Session, port: int) -> str:
    """Return the token of clients; write the URL, and the token if it is made now."""
    given = os.environ.get(TOKEN)
    token = given or secrets.token_urlsafe(32)
    session.note(f"secretary: MCP at http://127.0.0.1:{port}/mcp")
    if not given:
        session.note(f"secretary: the token of clients is {token} (set {TOKEN} to choose it)")
    return token


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, mcp, PANEL)
