"""The content of jobs: large results, files, the archive, and pages of the log."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic_core import to_json
from support.api_harness import Api, data_of, error_of, refused_field

from secretary_common.models import (
    LOG_LEVELS,
    FileInfo,
    FileKind,
    Job,
    JobFile,
    LogEntry,
    ResultsFile,
)
from secretary_common.models.states import JobStatus

LARGE = {"text": "x" * 3_000_000, "n": [1, None, "ä"]}


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def stored(api: Api, name: str, content: bytes, kind: FileKind = FileKind.FILE) -> JobFile:
    info = FileInfo(
        kind=kind, owner="bootstrap", name=name, created_at=api.clock.now(), job_id="job-1"
    )
    made = await api.files.save(pieces(content), info)
    return JobFile(
        name=name,
        file_id=made.file_id,
        size=made.size,
        sha256=made.sha256,
        content_type="text/html; charset=utf-8",
    )


async def job(api: Api, **fields: Any) -> Job:
    now = api.clock.now()
    given = {
        "job_id": "job-1",
        "job_type": "custom",
        "owner": "bootstrap",
        "status": JobStatus.COMPLETED,
        **dict.fromkeys(("run_at", "created_at", "updated_at", "completed_at"), now),
    }
    made = Job.model_validate({**given, **fields})
    await api.jobs.insert(made)
    return made


async def with_files(api: Api, contents: dict[str, bytes], **fields: Any) -> list[JobFile]:
    files = [await stored(api, name, content) for name, content in contents.items()]
    await job(api, files=files, **fields)
    return files


async def test_results_in_a_file_have_their_own_path_and_are_complete(api: Api) -> None:
    file = await stored(api, "results.json", to_json(LARGE), FileKind.RESULT)
    await job(api, results_file=ResultsFile(file_id=file.file_id, size=file.size))
    shown = data_of(await api.get("/api/jobs/job-1"))
    assert (shown["results"], shown["results_url"]) == (None, "/api/jobs/job-1/results")
    answer = await api.get(shown["results_url"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "status": "success",
        "data": {"job_id": "job-1", "status": "completed", "results": LARGE},
    }


async def test_a_job_shows_its_files_with_their_paths(api: Api) -> None:
    await with_files(api, {"ä ?#%.html": b"<html>"})
    (shown,) = data_of(await api.get("/api/jobs/job-1"))["files"]
    assert shown == {
        "name": "ä ?#%.html",
        "size": 6,
        "sha256": hashlib.sha256(b"<html>").hexdigest(),
        "content_type": "text/html; charset=utf-8",
        "url": "/api/jobs/job-1/files/%C3%A4%20%3F%23%25.html",
    }
    assert (await api.get(shown["url"])).content == b"<html>"


async def test_a_browser_saves_a_file_and_does_not_show_it(api: Api) -> None:
    (file,) = await with_files(api, {"a.html": b"<script>"})
    answer = await api.get("/api/jobs/job-1/files/a.html")
    assert answer.content == b"<script>"
    headers = answer.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''a.html"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-length"] == "8"
    assert headers["etag"] == f'"{file.sha256}"'


async def test_a_file_the_client_has_is_not_sent_again(api: Api) -> None:
    (file,) = await with_files(api, {"a.html": b"content"})
    path, tag = "/api/jobs/job-1/files/a.html", f'"{file.sha256}"'
    answer = await api.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await api.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize("name", ["b", "%2e%2e", "%2e%2e%2fa", "a%00", "x" * 3000, "%FF"])
async def test_an_unknown_file_name_is_not_found(api: Api, name: str) -> None:
    await with_files(api, {"a": b"x"})
    error_of(await api.get(f"/api/jobs/job-1/files/{name}"), 404, "NOT_FOUND")


async def test_jobs_of_another_key_have_no_results_files_and_logs(api: Api) -> None:
    await with_files(api, {"a": b"x"})
    key = await api.new_key()
    for path in ("results", "files/a", "download-archive", "logs"):
        error_of(await api.get(f"/api/jobs/job-1/{path}", key=key), 404, "NOT_FOUND")
        error_of(await api.get(f"/api/jobs/job-1/{path}", key=None), 401, "UNAUTHORIZED")


async def test_the_archive_holds_every_file(api: Api) -> None:
    contents = {"a.txt": b"a" * 1_000_000, "ü": b"", "z.bin": bytes(range(256)) * 2000}
    await with_files(api, contents)
    answer = await api.get("/api/jobs/job-1/download-archive")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].endswith("job-1.zip")
    assert len(answer.content) < 50_000  # it is compressed
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert archive.infolist()[0].date_time == (2026, 1, 1, 0, 0, 0)


async def test_an_archive_is_sent_while_it_is_made(api: Api) -> None:
    await with_files(api, {str(n): bytes(range(256)) * 1000 for n in range(5)})
    found = await api.jobs.get("job-1")
    assert found
    parts = [part async for part in api.app.state.services.downloads.archive_of(found)]
    assert len(parts) > 5
    whole = b"".join(parts)
    assert max(map(len, parts)) < len(whole) / 2
    assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None


async def test_an_archive_may_be_abandoned(api: Api) -> None:
    await with_files(api, {"a": b"a" * 1_000_000})
    found = await api.jobs.get("job-1")
    assert found
    parts = api.app.state.services.downloads.archive_of(found)
    await anext(parts)
    await parts.aclose()


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
async def test_the_archive_of_an_unfinished_job_is_202(api: Api, status: JobStatus) -> None:
    await job(api, status=status)
    answer = await api.get("/api/jobs/job-1/download-archive")
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert data_of(answer)["status"] == status.value


async def test_a_job_without_files_has_no_archive(api: Api) -> None:
    await job(api)
    error_of(await api.get("/api/jobs/job-1/download-archive"), 404, "NOT_FOUND")


async def log(api: Api, *places: tuple[int, int]) -> None:
    entries = [
        LogEntry(
            timestamp=api.clock.now(),
            level=LOG_LEVELS[seq % 5],
            message=f"{attempt} {seq}",
            attempt=attempt,
            seq=seq,
        )
        for attempt, seq in places
    ]
    await api.logs.append("job-1", entries)


async def test_every_page_of_a_log_can_be_read(api: Api) -> None:
    await job(api)
    places = [(attempt, seq) for attempt in (1, 2) for seq in range(12)]
    await log(api, *places)
    seen, path = [], "/api/jobs/job-1/logs?limit=5"
    cursor = ""
    while True:
        page = data_of(await api.get(f"{path}{cursor}"))
        seen += [(entry["attempt"], entry["seq"]) for entry in page["logs"]]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert seen == places
    await log(api, (2, 12))
    (newest,) = data_of(await api.get("/api/jobs/job-1/logs?after=2:11"))["logs"]
    assert newest["message"] == "2 12"


@pytest.mark.parametrize(
    ("level", "seqs"),
    [("debug", [0, 1, 2, 3, 4]), ("warning", [2, 3, 4]), ("critical", [4])],
)
async def test_a_level_includes_the_levels_above_it(api: Api, level: str, seqs: list[int]) -> None:
    await job(api)
    await log(api, *((1, seq) for seq in range(5)))
    page = data_of(await api.get(f"/api/jobs/job-1/logs?level={level}"))
    assert [entry["seq"] for entry in page["logs"]] == seqs


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("level=loud", "level"),
        ("after=x", "after"),
        ("after=", "after"),
        ("after=1:-1", "after"),
        ("after=9999999999:1", "after"),
        ("after=%D9%A1:1", "after"),
    ],
)
async def test_an_invalid_page_is_refused(api: Api, query: str, field: str) -> None:
    await job(api)
    refused_field(await api.get(f"/api/jobs/job-1/logs?{query}"), field)
