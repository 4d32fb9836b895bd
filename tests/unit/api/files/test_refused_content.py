"""A job type may name contents that it never reads; the API refuses uploads with them at once."""

from __future__ import annotations

from typing import Any

import pytest
from support.api_harness import Api, data_of, refused_field

from secretary_common.models import JobTypeInfo
from secretary_common.models.file import HEAD_BYTES

RAR = b"Rar!\x1a\x07\x01\0"
MARKS: list[dict[str, Any]] = [
    {"title": "a RAR archive", "mark": RAR[:6].hex(), "at": 0, "new": "ignored"},
    {"title": "a BMP picture; save it as PNG", "mark": b"BM".hex()},
    {"title": "a tar archive", "mark": b"ustar".hex(), "at": 257},
]


async def announce(api: Api, marks: Any) -> None:
    upload = {"type": "string", "format": "upload", "x-refused-content": marks}
    schema = {"type": "object", "properties": {"file_id": upload}}
    await api.job_types.announce([JobTypeInfo("reader", schema)])


async def uploaded(api: Api, content: bytes) -> str:
    files = {"file": ("a.txt", content, "text/plain")}
    return str(data_of(await api.request("POST", "/api/files", files=files))["file_id"])


REFUSED = {
    "a RAR archive": RAR,
    "a BMP picture": b"BM\x46\0\0\0",
    "a tar archive": b"a" * 256 + b"\0ustar\x0000" + bytes(99),
}


@pytest.mark.parametrize("title", REFUSED)
async def test_an_upload_that_the_job_type_never_reads_is_refused(api: Api, title: str) -> None:
    await announce(api, MARKS)
    answer = await api.submit({"file_id": await uploaded(api, REFUSED[title])}, job_type="reader")
    message = refused_field(answer, "parameters.file_id", "UNSUPPORTED_MEDIA")
    assert f"the file is {title}, which cannot be read" in message
    assert api.jobs.jobs == {}


@pytest.mark.parametrize(
    "content",
    [b"BMW AG", b"BM" + b"a" * HEAD_BYTES + b"\0", b"Rar", b"the mark is Rar!\x1a\x07", b"x" * 300],
)
async def test_other_uploads_are_accepted(api: Api, content: bytes) -> None:
    await announce(api, MARKS)
    answer = await api.submit({"file_id": await uploaded(api, content)}, job_type="reader")
    assert answer.status_code == 202


async def test_other_job_types_take_any_content(api: Api) -> None:
    await announce(api, MARKS)
    assert (await api.submit_pdf(file_id=await uploaded(api, RAR))).status_code == 202


@pytest.mark.parametrize(
    "marks", ["x", 3, None, [1], [{"title": "a"}], [{**MARKS[0], "mark": "zz"}]]
)
async def test_marks_that_cannot_be_read_refuse_nothing(api: Api, marks: Any) -> None:
    await announce(api, marks)
    answer = await api.submit({"file_id": await uploaded(api, RAR)}, job_type="reader")
    assert answer.status_code == 202


async def test_a_batch_names_each_job_whose_upload_is_refused(api: Api) -> None:
    await announce(api, MARKS)
    good, bad = await uploaded(api, b"text"), await uploaded(api, RAR)
    jobs = [{"job_type": "reader", "parameters": {"file_id": one}} for one in (good, bad, bad)]
    answer = await api.request("POST", "/api/jobs/batch", json={"jobs": jobs})
    refused_field(answer, "jobs.1.parameters.file_id", "UNSUPPORTED_MEDIA")
    assert [one["field"] for one in answer.json()["error"]["details"]["fields"]] == [
        "jobs.1.parameters.file_id",
        "jobs.2.parameters.file_id",
    ]
    assert api.jobs.jobs == {}
