"""The tools of the MCP server, with an API that answers what a test says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from secretary_client import AsyncClient
from secretary_client.mcp_server.parts import parts_of
from secretary_client.mcp_server.readable_files import ReadableFiles
from secretary_client.mcp_server.refusal import Refusal
from secretary_client.mcp_server.server import make_server

TEXT = "".join(f"line {number}\n" for number in range(100))
JOB = {"job_id": "job-1", "job_type": "document", "run": 1, "error": None, "files": [], "logs": []}


class Api(httpx.AsyncBaseTransport):
    """Answers each path with the data of ``answers``; keeps the requests."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"/api/jobs/job-1": {**JOB, "status": "completed"}}
        self.answers |= {f"/api/{path}": answer for path, answer in answers.items()}
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        found = self.answers.get(request.url.path)
        if isinstance(found, httpx.Response | Exception):
            if isinstance(found, Exception):
                raise found
            return found
        if found is None:
            error = {"code": "NOT_FOUND", "message": "there is no such job", "details": None}
            return httpx.Response(404, json={"status": "error", "error": error})
        return httpx.Response(200, json={"status": "success", "data": found})


@asynccontextmanager
async def connected(
    api: Api, files: ReadableFiles | None = None, **options: Any
) -> AsyncIterator[Client]:
    async with AsyncClient("http://api", "sk_1", retry_sec=0, transport=api) as calls:
        server = make_server(calls, files or ReadableFiles([]), **options)
        async with Client(server) as client:
            yield client


async def called(api: Api, tool: str, **arguments: Any) -> Any:
    async with connected(api) as client:
        return await client.call_tool(tool, arguments)


def completed(text: str = TEXT) -> Api:
    api = Api()
    api.answers["/api/jobs/job-1/results"] = {
        "job_id": "job-1",
        "status": "completed",
        "results": {"extracted_text": text, "metadata": {"page_count": 2}},
    }
    return api


def test_parts_are_whole_together_and_end_at_lines() -> None:
    parts = parts_of(TEXT, 100)
    assert "".join(parts) == TEXT
    assert all(len(part) <= 100 and part.endswith("\n") for part in parts)
    assert [len(part) for part in parts_of("x" * 250, 100)] == [100, 100, 50]
    assert parts_of("", 100) == [""]


async def test_a_long_result_is_read_part_by_part() -> None:
    api = completed()
    async with connected(api, part_chars=500) as client:
        first = await client.call_tool("result", {"job_id": "job-1"})
        count = first.structured_content["parts"]
        numbers = range(1, count + 1)
        parts = [
            await client.call_tool("result", {"job_id": "job-1", "part": number})
            for number in numbers
        ]
        none = await client.call_tool("result", {"job_id": "job-1", "part": count + 1})
    texts = [part.content[0].text for part in parts]  # type: ignore[union-attr]
    assert "".join(texts) == TEXT
    assert "part 2." in first.content[1].text  # type: ignore[union-attr]
    assert len(parts[-1].content) == 1
    assert none.structured_content["error"]["code"] == "NO_SUCH_PART"
    fetched = [one for one in api.requests if one.url.path.endswith("/results")]
    assert len(fetched) == 1, "the results are fetched once"


async def test_a_new_run_has_a_new_result() -> None:
    api = completed("old")
    async with connected(api) as client:
        await client.call_tool("result", {"job_id": "job-1"})
        api.answers["/api/jobs/job-1"] |= {"run": 2}
        api.answers["/api/jobs/job-1/results"]["results"]["extracted_text"] = "new"
        again = await client.call_tool("result", {"job_id": "job-1"})
    assert again.content[0].text == "new"  # type: ignore[union-attr]


async def test_the_error_of_a_job_is_the_error_of_its_result() -> None:
    api = Api()
    error = {"code": "PDF_INVALID", "message": "no PDF", "details": None}
    api.answers["/api/jobs/job-1"] = {**JOB, "status": "failed", "error": error}
    found = await called(api, "result", job_id="job-1")
    assert found.is_error
    expected = {"code": "PDF_INVALID", "message": "no PDF", "job_id": "job-1"}
    assert found.structured_content == {"error": expected}
    assert found.content[0].text == "PDF_INVALID: no PDF"


async def test_an_api_that_is_away_is_an_error_with_its_url() -> None:
    api = Api()
    api.answers["/api/jobs/job-1"] = httpx.ConnectError("refused")
    found = await called(api, "status", job_id="job-1")
    assert found.structured_content["error"]["code"] == "UNREACHABLE"
    assert "http://api" in found.content[0].text


@pytest.mark.parametrize(
    "given",
    [{}, {"url": "https://a", "content": "YQ=="}, {"content": "no base64!"}],
    ids=["no source", "two sources", "damaged content"],
)
async def test_a_document_has_exactly_one_source(given: dict[str, str]) -> None:
    api = Api()
    found = await called(api, "extract", **given)
    assert found.structured_content["error"]["code"] == "VALIDATION_ERROR"
    assert api.requests == []


def changed(seq: int, name: str, percent: int | None, message: str) -> str:
    progress = {"step": "extracting_text", "percent": percent, "message": message}
    state = {"seq": seq, "job_id": "job-1", "status": name, "error": None, "progress": progress}
    return f"id: {seq}\nevent: {name}\ndata: {json.dumps(state)}\n\n"


async def test_the_pages_of_a_job_are_the_progress_of_the_call() -> None:
    api = completed()
    api.answers["/api/jobs/"] = {"job": {"job_id": "job-1"}}
    api.answers["/api/jobs/job-1/stream"] = httpx.Response(
        200,
        text=changed(1, "pending", None, "")
        + changed(2, "progress", 40, "page 4 of 12")
        + changed(3, "progress", 40, "page 5 of 12")
        + changed(4, "progress", 10, "a new attempt")
        + changed(5, "completed", 100, "Processing completed"),
    )
    reported: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total, message))

    async with connected(api) as client:
        given = {"url": "https://a", "options": {"page_end": 12}}
        found = await client.call_tool("extract", given, progress_callback=note)
    assert found.structured_content["text"] == TEXT
    middle, end = (40, 100, "page 4 of 12"), (100, 100, "Processing completed")
    assert reported == [(0, 100, "extracting_text"), middle, end]
    [submitted] = [one for one in api.requests if one.method == "POST"]
    parameters = {"output": ["markdown"], "page_end": 12, "url": "https://a"}
    assert json.loads(submitted.content)["parameters"] == parameters


def test_files_are_read_only_in_the_folders_also_through_links(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    for path in (inside / "a.pdf", outside):
        path.write_text("text")
    (inside / "link.pdf").symlink_to(outside)
    files = ReadableFiles([inside])
    assert files.checked(str(inside / "a.pdf")) == (inside / "a.pdf").resolve()
    for path in (inside / "link.pdf", inside / "../outside", outside):
        with pytest.raises(Refusal) as caught:
            files.checked(str(path))
        assert caught.value.code == "FILE_OUTSIDE_FOLDERS"
    with pytest.raises(Refusal) as caught:
        files.checked(str(inside))
    assert caught.value.code == "FILE_NOT_FOUND"
    with pytest.raises(Refusal, match="base64"):
        ReadableFiles([]).checked(str(outside))
    assert ReadableFiles.all().checked(str(outside)) == outside.resolve()


async def test_results_and_files_are_resources() -> None:
    api = completed()
    api.answers["/api/jobs/job-1/files/a.png"] = httpx.Response(200, content=b"\x89PNG")
    async with connected(api) as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert len(templates) == 3
        result = await client.read_resource("secretary://jobs/job-1/result")
        assert result.contents[0].text == TEXT  # type: ignore[union-attr]
        file = await client.read_resource("secretary://jobs/job-1/files/a.png")
        assert file.contents[0].blob == "iVBORw=="  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="NOT_FOUND"):
            await client.read_resource("secretary://jobs/job-2")


async def test_the_arguments_of_each_tool_are_described() -> None:
    async with connected(Api()) as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        assert tool.description
        for name, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), f"{tool.name}.{name}"


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("status", {"job_id": "job-1", "wait_sec": -1}, "wait_sec: Input should be greater than"),
        ("result", {}, "job_id: Field required"),
        ("nothing", {}, "Unknown tool: nothing"),
        ("cancel", {"job_id": ""}, "the id is empty"),
        ("extract", {"content": "\u00e9"}, "content is not base64"),
    ],
)
async def test_a_call_that_does_not_fit_has_a_code_too(
    tool: str, arguments: dict[str, Any], message: str
) -> None:
    answer = await called(Api(), tool, **arguments)
    assert answer.is_error
    error = answer.structured_content["error"]
    assert (error["code"], error["message"].startswith(message)) == ("VALIDATION_ERROR", True)
    assert answer.content[0].text == f"VALIDATION_ERROR: {error['message']}"


@pytest.mark.parametrize("path", ["~no-such-user/a.pdf", "a\0b", "nowhere.pdf"])
async def test_a_path_that_leads_nowhere_is_an_error_with_a_code(path: str) -> None:
    async with connected(Api(), ReadableFiles.all()) as client:
        answer = await client.call_tool("extract", {"path": path})
    assert answer.structured_content is not None
    assert answer.structured_content["error"]["code"] == "FILE_NOT_FOUND"


async def test_content_may_be_base64_in_lines() -> None:
    api = Api(files={"file_id": "file-1"})
    await called(api, "extract", content="QUJD\nREVG\n")
    assert b"\r\nABCDEF\r\n" in api.requests[0].content
