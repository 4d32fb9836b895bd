"""docling-serve's routes over an API in memory: what becomes a job, and what is refused."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from support.api_harness import MAX_UPLOAD_BYTES, Api, running_api

from secretary_api.compatible.conversions import ANSWERS_AT_ONCE, Conversions
from secretary_api.compatible.convert_request import conversion_of_json
from secretary_api.compatible.job_content import JobContent
from secretary_api.files.downloads import Downloads
from secretary_common.models import Job, JobError, JobQuery, JobStatus, JobTypeInfo
from secretary_common.settings.service import CompatibleSection

FORM = {"Content-Type": "multipart/form-data; boundary=XX"}
FILE = "/v1/convert/file/async"
SOURCE = "/v1/convert/source/async"
UPLOAD = {"properties": {"file_id": {"type": "string", "format": "upload"}}}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        await api.job_types.announce([JobTypeInfo("document", UPLOAD)])
        yield api


async def jobs_of(api: Api) -> list[Job]:
    """Return all jobs, oldest first."""
    found = [await api.jobs.get(one.job_id) for one in await api.jobs.find(JobQuery(limit=250))]
    return sorted((one for one in found if one), key=lambda one: one.job_id)


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


async def post(
    api: Api, *parts: bytes, end: bytes = b"--XX--\r\n", **headers: str
) -> httpx.Response:
    content = b"".join(parts) + end
    return await api.request("POST", FILE, content=content, headers=FORM | headers)


async def source(api: Api, *sources: dict[str, Any], **more: Any) -> httpx.Response:
    return await api.request("POST", SOURCE, json={"sources": list(sources), **more})


def file_source(content: bytes = b"one", **more: Any) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return {"kind": "file", "base64_string": encoded, "filename": "a.txt", **more}


def detail_of(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    return answer.json()["detail"]


async def test_files_and_fields_of_a_form_come_in_any_order(api: Api) -> None:
    answer = await post(
        api,
        part("files", b"one", "a.txt"),
        part("to_formats", b"md"),
        part("files", b"two", "/tmp/uploads/b.txt"),
        part("to_formats", b"json"),
        part("page_range", b"1"),
        part("page_range", b"3"),
        part("target_type", b"zip"),
        part("document_timeout", b""),
    )
    assert answer.status_code == 200, answer.text
    first, second = await jobs_of(api)
    assert [first.job_name, second.job_name] == ["a.txt", "b.txt"]
    assert first.batch_id == second.batch_id == answer.json()["task_id"]
    parameters = first.parameters
    assert (parameters["output"], parameters["page_end"]) == (["markdown", "json"], 3)
    assert parameters["context"] == {"docling": {"target": "zip", "to_formats": ["json", "md"]}}
    assert first.tags == ["docling"]


async def test_files_in_json_and_urls_are_sources(api: Api) -> None:
    url = {"kind": "http", "url": "https://a.example/x/report.pdf?a=b"}
    answer = await source(api, file_source(), url, options={"to_formats": ["text"]})
    assert answer.status_code == 200, answer.text
    first, second = await jobs_of(api)
    assert (first.job_name, second.job_name) == ("a.txt", "report.pdf")
    assert second.parameters["url"] == url["url"]
    assert answer.json()["task_meta"]["num_docs"] == 2


@pytest.mark.parametrize(
    ("request_body", "named"),
    [
        ({"sources": []}, "sources"),
        ({"sources": [{"kind": "s3"}]}, "sources"),
        ({"sources": [file_source(base64_string="%")]}, "base64_string"),
        ({"sources": [file_source(base64_string="")]}, "base64_string"),
        ({"sources": [{"kind": "http", "url": "https://a", "headers": {"x": "y"}}]}, "headers"),
        ({"sources": [file_source()], "target": {"kind": "put", "url": "https://a"}}, "target"),
        ({"sources": [file_source()], "target": {"kind": "presigned_url"}}, "artifact storage"),
        ({"sources": [file_source()], "callbacks": [{"url": "https://a"}]}, "callbacks"),
        ({"sources": [file_source()], "options": {"to_formats": ["doctags"]}}, "to_formats"),
        ({"sources": [file_source()], "options": {"pipeline": "vlm"}}, "pipeline"),
    ],
)
async def test_what_is_not_possible_is_refused_by_name_and_makes_no_job(
    api: Api, request_body: dict[str, Any], named: str
) -> None:
    detail = detail_of(await api.request("POST", SOURCE, json=request_body), 422)
    assert named in str(detail)
    assert await jobs_of(api) == []


@pytest.mark.parametrize(
    ("parts", "end", "status", "named"),
    [
        ([part("to_formats", b"md")], b"--XX--\r\n", 422, "files"),
        ([part("file", b"x", "a.txt")], b"--XX--\r\n", 422, "file"),
        ([part("files", b"", "a.txt")], b"--XX--\r\n", 422, "empty"),
        ([part("files", b"x", "a.txt")], b"", 422, "boundary"),
        ([part("files", b"x" * (MAX_UPLOAD_BYTES + 1), "a.txt")], b"--XX--\r\n", 413, "bytes"),
        ([part("target_type", b"presigned_url")], b"", 422, "artifact storage"),
        ([part("x", b"x" * 70_000)], b"--XX--\r\n", 422, "65536"),
        ([part("x", b"x" * 40_000), part("y", b"x" * 40_000)], b"--XX--\r\n", 422, "65536"),
        (
            [part("files", b"x", "a.txt"), part("page_range", b"[" * 60_000)],
            b"--XX--\r\n",
            422,
            "page_range",
        ),
    ],
)
async def test_a_form_that_is_not_valid_makes_no_job(
    api: Api, parts: list[bytes], end: bytes, status: int, named: str
) -> None:
    detail = detail_of(await post(api, *parts, end=end), status)
    assert named in str(detail)
    assert await jobs_of(api) == []


async def test_several_wrong_fields_are_a_list_as_fastapi_writes_it(api: Api) -> None:
    options = {"to_formats": ["x"], "image_export_mode": "y"}
    found = detail_of(await source(api, file_source(), options=options), 422)
    assert {one["loc"][2] for one in found} == {"to_formats", "image_export_mode"}
    assert all(set(one) == {"loc", "msg", "type"} for one in found)


async def test_a_key_comes_in_either_header_and_a_wrong_one_is_refused(api: Api) -> None:
    key = await api.new_key()
    for headers in ({"X-Api-Key": key}, {"Authorization": f"Bearer {key}"}):
        answer = await api.request("POST", SOURCE, key=None, headers=headers, json={})
        assert answer.status_code == 422
    for wrong in ({"X-Api-Key": "sk_a_b"}, {}):
        answer = await api.request("POST", SOURCE, key=None, headers=wrong, json={})
        detail_of(answer, 401)


@pytest.mark.parametrize("scopes", [["submit"], ["read"], ["deliveries"]])
async def test_a_key_must_both_submit_and_read(api: Api, scopes: list[str]) -> None:
    key = await api.new_key(scopes=scopes)
    detail_of(await api.request("POST", SOURCE, key=key, json={}), 403)


async def test_a_task_of_another_key_is_not_found(api: Api) -> None:
    task = (await source(api, file_source())).json()["task_id"]
    key = await api.new_key()
    for path in (f"/v1/status/poll/{task}", f"/v1/result/{task}", "/v1/result/batch-unknown"):
        assert detail_of(await api.get(path, key=key), 404) == "Task not found."


async def test_the_state_of_a_task_is_that_of_its_job(api: Api) -> None:
    answer = await source(api, file_source())
    task = answer.json()["task_id"]
    assert (answer.json()["task_status"], answer.json()["task_type"]) == ("pending", "convert")
    waiting = "Task result not found. Please wait for a completion status."
    assert detail_of(await api.get(f"/v1/result/{task}"), 404) == waiting

    job = await api.jobs.get(task)
    assert job is not None
    error = JobError(code="JOB_TIMEOUT", message="it took over 1 s")
    failed = {"status": JobStatus.FAILED, "error": error}
    api.jobs.jobs[task] = job.model_copy(update=failed)
    state = (await api.get(f"/v1/status/poll/{task}")).json()
    assert (state["task_status"], state["failure"]["category"]) == ("failure", "timeout")
    assert state["error_message"] == "JOB_TIMEOUT: it took over 1 s"
    result = (await api.get(f"/v1/result/{task}")).json()
    assert (result["kind"], result["failure"]["retryable"]) == ("TaskFailureResult", True)


async def test_a_repeat_within_minutes_is_the_same_job(api: Api) -> None:
    tasks = [
        (await post(api, part("files", content, name), part("to_formats", fmt))).json()["task_id"]
        for content, name, fmt in (
            (b"one", "a.txt", b"md"),
            (b"one", "a.txt", b"md"),
            (b"two", "a.txt", b"md"),
            (b"one", "b.txt", b"md"),
            (b"one", "a.txt", b"text"),
        )
    ]
    assert tasks[0] == tasks[1]
    assert len(set(tasks)) == 4
    api.clock.advance(600)
    later = await post(api, part("files", b"one", "a.txt"), part("to_formats", b"md"))
    assert later.json()["task_id"] not in tasks


async def test_a_repeat_of_a_failed_job_tries_again(api: Api) -> None:
    task = (await post(api, part("files", b"one", "a.txt"))).json()["task_id"]
    job = await api.jobs.get(task)
    assert job is not None
    api.jobs.jobs[task] = job.model_copy(update={"status": JobStatus.FAILED})
    again = (await post(api, part("files", b"one", "a.txt"))).json()["task_id"]
    assert again != task


async def test_a_repeat_after_a_job_of_several_was_deleted_reads_all_files(api: Api) -> None:
    files = [part("files", b"one", "a.txt"), part("files", b"two", "b.txt")]
    first = (await post(api, *files)).json()
    deleted, _ = await jobs_of(api)
    await api.request("DELETE", f"/api/jobs/{deleted.job_id}")
    again = (await post(api, *files)).json()
    assert again["task_id"] != first["task_id"]
    assert again["task_meta"]["num_docs"] == 2


async def test_a_url_is_fetched_again_unless_the_client_gives_a_key(api: Api) -> None:
    url = {"kind": "http", "url": "https://a.example/a.pdf"}
    first, second = [(await source(api, url)).json()["task_id"] for _ in range(2)]
    assert first != second
    body, headers = {"sources": [url]}, {"Idempotency-Key": "k"}
    answers = [await api.request("POST", SOURCE, json=body, headers=headers) for _ in range(2)]
    assert answers[0].json()["task_id"] == answers[1].json()["task_id"]
    other = {"sources": [{**url, "url": "https://b.example/"}]}
    detail_of(await api.request("POST", SOURCE, json=other, headers=headers), 422)


async def test_a_conversion_that_takes_long_is_answered_in_time_and_goes_on(api: Api) -> None:
    api.app.state.conversions = type(api.app.state.conversions)(api.app.state.services, 0.01)
    answer = await api.request("POST", "/v1/convert/source", json={"sources": [file_source()]})
    (job,) = await jobs_of(api)
    assert f"/v1/status/poll/{job.job_id}" in detail_of(answer, 504)
    assert job.status is JobStatus.PENDING


async def test_few_answers_with_whole_documents_are_in_memory_at_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.app.state.conversions = Conversions(api.app.state.services, 0.01)
    detail_of(await api.request("PUT", "/process", content=b"one"), 504)
    (job,) = await jobs_of(api)
    api.jobs.jobs[job.job_id] = job.model_copy(update={"status": JobStatus.COMPLETED})
    now = most = 0

    async def read(job: Job, downloads: Downloads) -> JobContent:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return JobContent(job, {}, downloads)

    monkeypatch.setattr(JobContent, "of", read)
    requests = (api.request("PUT", "/process", content=b"one") for _ in range(ANSWERS_AT_ONCE + 2))
    await asyncio.gather(*requests)
    assert most == ANSWERS_AT_ONCE


async def test_a_large_body_keeps_its_turn_until_its_files_are_stored(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = most = 0

    async def converted(*given: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(50):  # as if it waited for other uploads
            await asyncio.sleep(0.001)
        now -= 1
        return await conversion_of_json(*given)

    monkeypatch.setattr("secretary_api.compatible.docling_routes.conversion_of_json", converted)
    monkeypatch.setattr("secretary_api.http.json_bodies.LARGE_BYTES", 10)
    answers = await asyncio.gather(*(source(api, file_source()) for _ in range(3)))
    assert [one.status_code for one in answers] == [200] * 3
    assert most == 1


async def test_health_and_version_need_no_key(api: Api) -> None:
    for path, key in (("/health", "status"), ("/ready", "status"), ("/version", "secretary")):
        answer = await api.get(path, key=None)
        assert (answer.status_code, list(answer.json())) == (200, [key])


async def test_the_routes_can_be_switched_off() -> None:
    async with running_api(compatible=CompatibleSection(active=False)) as api:
        for method, path in (
            ("POST", SOURCE),
            ("POST", FILE),
            ("PUT", "/process"),
            ("GET", "/health"),
        ):
            answer = await api.request(method, path)
            assert answer.status_code == 404, path
