"""The MCP server with the real client of the protocol, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from support import pdf_samples
from support.raw_server import raw_server

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import console_script
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import HOST, free_port

DOCUMENT = Path(__file__).parents[2] / "docs/mcp.md"
TOKEN = "a-token-of-this-test"
TOOLS = {"extract", "submit", "status", "result", "cancel", "list_job_types"}


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    return start_shared_stack({"generic_worker.poll_interval_sec": 0.5})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose files the server over stdio may read."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="module")
def environment(stack: Stack, folder: Path) -> dict[str, str]:
    keys = {"SECRETARY_URL": stack.url, "SECRETARY_KEY": stack.keys.bootstrap}
    assert set(keys) == set(documented()["env"])
    return {**os.environ, **keys, "SECRETARY_MCP_TOKEN": TOKEN, "FOLDER": str(folder)}


@pytest.fixture(scope="module")
def url(environment: dict[str, str]) -> Iterator[str]:
    """The URL of a server over HTTP, which may read no file."""
    port = free_port()
    command: list[str] = [str(console_script("secretary")), "mcp", "--http", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        url = f"http://{HOST}:{port}/mcp"
        wait_until(lambda: answer_of(url) == 401, timeout_sec=60, what="the MCP server")
        yield url
        server.terminate()
        assert TOKEN not in str(server.stderr and server.stderr.read())


def answer_of(url: str, **headers: str) -> int | None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    try:
        return httpx2.post(url, json=body, headers={**accept, **headers}).status_code
    except httpx2.TransportError:
        return None


@asynccontextmanager
async def connected(kind: str, environment: dict[str, str], url: str) -> AsyncIterator[Client]:
    async with AsyncExitStack() as opened:
        if kind == "stdio":
            parameters = StdioServerParameters(
                command=str(console_script(documented()["command"])),
                args=[*documented()["args"][:-1], environment["FOLDER"]],
                env=environment,
            )
            yield await opened.enter_async_context(Client(stdio_client(parameters)))
        else:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            http = await opened.enter_async_context(httpx2.AsyncClient(headers=headers))
            transport = streamable_http_client(url, http_client=http)
            yield await opened.enter_async_context(Client(transport))


def documented() -> dict[str, Any]:
    """Return the entry for the configuration of a program with a model, as documented."""
    [entry] = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    server: dict[str, Any] = json.loads(entry)["mcpServers"]["secretary"]
    return server


KINDS = pytest.mark.parametrize("kind", ["stdio", "http"])


@KINDS
async def test_a_client_lists_the_tools_and_calls_them(
    kind: str, environment: dict[str, str], url: str, folder: Path
) -> None:
    report = folder / "report.pdf"
    report.write_bytes(pdf_samples.report_pdf())
    reported: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total, message))

    async with connected(kind, environment, url) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        if kind == "stdio":
            given = {"path": str(report)}
            refused = await client.call_tool("extract", {"path": __file__})
            assert code_of(refused) == "FILE_OUTSIDE_FOLDERS"
        else:
            given = {"content": base64.b64encode(report.read_bytes()).decode()}
            refused = await client.call_tool("extract", {"path": str(report)})
            assert code_of(refused) == "FILE_OUTSIDE_FOLDERS"
        read = await client.call_tool("extract", given, progress_callback=note)
        assert pdf_samples.REPORT_TITLE in read.content[0].text  # type: ignore[union-attr]
        percents = [done for done, _, _ in reported]
        assert percents == sorted(set(percents)), "the progress grows"
        assert reported[-1][:2] == (100, 100)

        [job] = [read.structured_content["job_id"]]
        await jobs_are_managed(client, job)


async def jobs_are_managed(client: Client, document: str) -> None:
    types = value_of(await client.call_tool("list_job_types", {}))["job_types"]
    assert {"document", "nap"} <= {one["job_type"] for one in types}
    whole = value_of(await client.call_tool("result", {"job_id": document, "as_json": True}))
    assert json.loads(whole["text"])["extracted_text"]
    resource = await client.read_resource(f"secretary://jobs/{document}/result")
    assert pdf_samples.REPORT_TITLE in resource.contents[0].text  # type: ignore[union-attr]

    nap = {"job_type": "nap", "parameters": {"seconds": 60}}
    napping = value_of(await client.call_tool("submit", nap))["job_id"]
    assert value_of(await client.call_tool("status", {"job_id": napping}))["job_type"] == "nap"
    assert code_of(await client.call_tool("result", {"job_id": napping})) == "JOB_NOT_ENDED"
    await client.call_tool("cancel", {"job_id": napping})
    ended = value_of(await client.call_tool("status", {"job_id": napping, "wait_sec": 20}))
    assert ended["status"] == "cancelled"
    assert code_of(await client.call_tool("result", {"job_id": napping})) == "CANCELLED"

    bad = {"job_type": "nap", "parameters": {"seconds": "x"}}
    refused = await client.call_tool("submit", bad)
    assert code_of(refused) == "VALIDATION_ERROR"
    [field] = refused.structured_content["error"]["details"]["fields"]
    assert field["field"] == "parameters.seconds"
    assert code_of(await client.call_tool("status", {"job_id": "job-0"})) == "NOT_FOUND"


def value_of(result: Any) -> dict[str, Any]:
    assert not result.is_error, result.content
    value: dict[str, Any] = result.structured_content
    return value


def code_of(result: Any) -> str:
    assert result.is_error, result.content
    code: str = result.structured_content["error"]["code"]
    assert result.content[0].text.startswith(f"{code}: ")
    return code


@KINDS
async def test_a_cancelled_call_cancels_its_job(
    kind: str, environment: dict[str, str], url: str
) -> None:
    async def silence(_: object) -> None:
        await asyncio.Event().wait()

    async with (
        raw_server(silence) as silent,
        connected(kind, environment, url) as client,
        anyio.create_task_group() as calls,
    ):

        async def cancel(progress: float, total: float | None, message: str | None) -> None:
            calls.cancel_scope.cancel()

        given = {"url": silent.url("/slow.pdf")}

        async def extract() -> None:
            await client.call_tool("extract", given, progress_callback=cancel)

        calls.start_soon(extract)
    async with httpx2.AsyncClient(
        base_url=environment["SECRETARY_URL"],
        headers={"Authorization": f"Bearer {environment['SECRETARY_KEY']}"},
    ) as api:
        listed = await api.get("/api/jobs/", params={"job_type": "document", "limit": 1})
        job_id = listed.json()["data"]["jobs"][0]["job_id"]
        ended = await api.get(f"/api/jobs/{job_id}", params={"wait": 30}, timeout=60)
    assert ended.json()["data"]["status"] == "cancelled"


def test_http_answers_only_with_the_token_and_not_to_other_web_pages(url: str) -> None:
    ours = f"Bearer {TOKEN}"
    assert answer_of(url) == 401
    assert answer_of(url, Authorization="Bearer other") == 401
    assert answer_of(url, Authorization=ours, Origin="https://evil.example") == 403
    assert answer_of(url, Authorization=ours, Host="evil.example") == 421
    assert answer_of(url, Authorization=ours) not in {401, 403, 421}


def test_a_server_without_a_key_says_so(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "secretary_client.main", "mcp"],
        env={**environment, "SECRETARY_KEY": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "SECRETARY_KEY" in done.stderr
