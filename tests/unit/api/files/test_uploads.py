"""Uploads: stored as a stream, and refused as soon as a rule is broken."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.api_harness import (
    ADMIN_KEY,
    MAX_BODY_BYTES,
    MAX_UPLOAD_BYTES,
    UPLOAD_LIMITS,
    Api,
    data_of,
    error_of,
    refused_field,
)

from secretary_api.http import form_parts
from secretary_common.errors import StoreUnavailable
from secretary_common.models import FileKind
from secretary_common.models.file import UNNAMED_KEPT

FORM = "multipart/form-data; boundary=XX"


async def upload(
    api: Api, content: bytes = b"content", name: str = "a.pdf", **options: Any
) -> httpx.Response:
    """Upload as a client library does; return the answer."""
    files = {"file": (name, content, "application/pdf")}
    return await api.request("POST", "/api/files", files=files, **options)


async def raw(api: Api, body: Any, content_type: str = FORM, **options: Any) -> httpx.Response:
    """Send *body* unchanged; return the answer."""
    headers = {"Content-Type": content_type, **options.pop("headers", {})}
    return await api.request("POST", "/api/files", content=body, headers=headers, **options)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


def part(
    content: bytes = b"content",
    disposition: str = 'form-data; name="file"; filename="a.pdf"',
    *headers: str,
) -> bytes:
    lines = [f"Content-Disposition: {disposition}", *headers]
    return b"--XX\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


END = b"--XX--\r\n"


async def test_an_upload_is_stored_under_its_name_and_sha256(api: Api) -> None:
    content = bytes(range(256)) * 1000
    data = data_of(answer := await upload(api, content, "Bericht ü.pdf"))
    assert answer.status_code == 201
    assert data == {
        "file_id": data["file_id"],
        "filename": "Bericht ü.pdf",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    stored, kept = api.files.whole[data["file_id"]]
    assert kept == content
    assert (stored.kind, stored.owner, stored.job_id) == (FileKind.UPLOAD, "bootstrap", None)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
async def test_an_upload_may_arrive_in_any_pieces(api: Api, size: int) -> None:
    content = b"\r\n--X\r\n--XXX--\r\r\n--" * 50 + b"\r\n--XX_"
    body = b"\r\n" + part(content) + END + b"epilogue"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    data = data_of(await raw(api, pieces()))
    assert api.files.whole[data["file_id"]][1] == content


async def test_an_upload_may_be_larger_than_other_bodies_up_to_its_own_limit(api: Api) -> None:
    assert MAX_UPLOAD_BYTES > 2 * MAX_BODY_BYTES
    assert data_of(await upload(api, bytes(MAX_UPLOAD_BYTES)))["size"] == MAX_UPLOAD_BYTES
    error = error_of(await upload(api, bytes(MAX_UPLOAD_BYTES + 1)), 413, "BODY_TOO_LARGE")
    assert "files.max_upload_mb" in error["message"]
    assert len(api.files.begun) == 1
    error_of(await raw(api, bytes(MAX_BODY_BYTES + 1), "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
    big = {"job_type": "custom", "parameters": {"text": "x" * MAX_BODY_BYTES}}
    error_of(await api.request("POST", "/api/jobs/", json=big), 413, "BODY_TOO_LARGE")


class Body:
    """An endless body that counts the bytes that are read."""

    def __init__(self, start: bytes, piece: bytes = b"x" * 10_000) -> None:
        self.start = start
        self.piece = piece
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.start
        while self.given < 100 * MAX_UPLOAD_BYTES:
            self.given += len(self.piece)
            yield self.piece


async def test_an_upload_that_is_too_large_is_not_read_to_its_end(api: Api) -> None:
    unannounced = Body(part()[:-2])
    error_of(await raw(api, unannounced), 413, "BODY_TOO_LARGE")
    assert MAX_UPLOAD_BYTES < unannounced.given < MAX_UPLOAD_BYTES + 100_000
    announced = Body(part()[:-2])
    length = {"Content-Length": str(MAX_UPLOAD_BYTES * 2)}
    error_of(await raw(api, announced, headers=length), 413, "BODY_TOO_LARGE")
    assert announced.given == 0
    assert api.files.begun == {}


@pytest.mark.parametrize("start", [b"\r\n", part() + END, b"--XX" + b" " * 10, part() + b"--XX \t"])
async def test_text_around_the_file_is_read_only_up_to_a_limit(api: Api, start: bytes) -> None:
    piece = b" " * 10_000 if start.endswith((b" ", b"\t")) else b"x" * 10_000
    endless = Body(start, piece)
    refused_field(await raw(api, endless), "body")
    assert endless.given < form_parts.FRAMING_BYTES + 50_000
    assert api.files.begun == {}


MALFORMED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "file"),
    "no part": (END, "file"),
    "no multipart": (b"%PDF-1.7", "body"),
    "another boundary": (part().replace(b"XX", b"YY"), "body"),
    "cut in the header": (part()[:30], "file"),
    "cut in the content": (part()[:-4], "body"),
    "no last boundary": (part(), "body"),
    "a header that is none": (b"--XX\r\n\x01\x02: x\r\n\r\nx\r\n" + END, "body"),
    "a header too long": (part(b"x", "form-data", "X: " + "y" * 10_000) + END, "body"),
    "too many headers": (part(b"x", "form-data", *(f"X-{n}: y" for n in range(99))) + END, "body"),
    "a part without a name": (part(b"x", "form-data; filename=a") + END, "body"),
    "an attachment": (part(b"x", 'attachment; name="file"; filename="a"') + END, "body"),
    "another field": (part(b"x", 'form-data; name="job"') + END, "job"),
    "another file": (part(b"x", 'form-data; name="f"; filename="a"') + END, "f"),
    "a field beside the file": (part() + part(b"x", 'form-data; name="job"') + END, "job"),
    "text in place of a file": (part(b"x", 'form-data; name="file"') + END, "file"),
    "an empty file": (part(b"") + END, "file"),
    "two files": (part() + part() + END, "file"),
    "base64": (
        part(
            b"eA==",
            'form-data; name="file"; filename="a"',
            "Content-Transfer-Encoding: base64",
        )
        + END,
        "file",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_a_body_that_is_not_one_file_is_refused_and_nothing_is_stored(
    api: Api, what: str
) -> None:
    body, field = MALFORMED[what]
    refused_field(await raw(api, body), field)
    assert api.files.begun == {}


@pytest.mark.parametrize(
    "filename",
    [
        b"../../etc/passwd",
        b"a/b.pdf",
        b"a\\\\b.pdf",
        b"..",
        b".",
        b"",
        b" a.pdf",
        b"a\x00.pdf",
        b"a\x1b[31m.pdf",
        "\u202efdp.exe".encode(),
        b"\xff\xfe",
        b"x" * 201,
    ],
)
async def test_a_hostile_filename_is_refused(api: Api, filename: bytes) -> None:
    head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="' + filename + b'"'
    refused_field(await raw(api, head + b"\r\n\r\nx\r\n" + END), "file.filename")
    assert api.files.begun == {}


@pytest.mark.parametrize(
    ("filename", "kept"),
    [("C:\\\\fakepath\\\\a.pdf", "a.pdf"), ('a \\"b\\".pdf', 'a "b".pdf'), ("a;b.pdf", "a;b.pdf")],
)
async def test_a_filename_is_decoded(api: Api, filename: str, kept: str) -> None:
    body = part(b"x", f'form-data; name="file"; filename="{filename}"') + END
    assert data_of(await raw(api, body))["filename"] == kept


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/pdf", "multipart/mixed; boundary=XX", "form-data"],
)
async def test_only_multipart_form_data_is_accepted(api: Api, content_type: str) -> None:
    error_of(await raw(api, part() + END, content_type), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", 'multipart/form-data; boundary=""', f"{FORM}{'X' * 300}"],
)
async def test_a_boundary_is_needed(api: Api, content_type: str) -> None:
    refused_field(await raw(api, part() + END, content_type), "body")


async def test_a_body_compressed_as_a_whole_is_refused(api: Api) -> None:
    answer = await raw(api, part() + END, headers={"Content-Encoding": "gzip"})
    error_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_an_upload_without_a_key_is_refused(api: Api) -> None:
    error_of(await upload(api, key=None), 401, "UNAUTHORIZED")
    assert api.files.begun == {}


@pytest.mark.parametrize("path", ["/api/files", "/api/files/"])
async def test_the_path_works_with_and_without_a_slash(api: Api, path: str) -> None:
    files = {"file": ("a", bytes(2 * MAX_BODY_BYTES))}
    assert (await api.request("POST", path, files=files)).status_code == 201
    error_of(await api.get(path), 405, "METHOD_NOT_ALLOWED")


async def test_an_upload_that_stalls_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_parts, "STALL_SEC", 0.05)

    async def stalls() -> AsyncIterator[bytes]:
        yield part()[:-3]
        await asyncio.sleep(60)

    async with asyncio.timeout(30):
        refused_field(await raw(api, stalls()), "body")
    assert api.files.begun == {}


async def test_an_outage_is_answered_with_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(api.files, "save", away)
    assert error_of(await upload(api), 503, "STORE_UNAVAILABLE")


async def test_uploads_wait_for_uploads_of_the_same_key_only(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await api.new_key("a"), await api.new_key("b")
    goes_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield part()
        await goes_on.wait()
        yield END

    crowd = [
        asyncio.create_task(raw(api, slow(), key=first)) for _ in range(2 * UPLOAD_LIMITS.per_key)
    ]
    await until(lambda: len(api.files.begun) == UPLOAD_LIMITS.per_key)
    assert (await upload(api, key=second)).status_code == 201
    assert len(api.files.begun) == UPLOAD_LIMITS.per_key + 1
    goes_on.set()
    assert {answer.status_code for answer in await asyncio.gather(*crowd)} == {201}


# Jobs that name uploads.


async def uploaded(api: Api, key: str = ADMIN_KEY) -> str:
    return str(data_of(await upload(api, key=key))["file_id"])


async def test_a_job_may_name_an_upload_of_its_key(api: Api) -> None:
    key = await api.new_key()
    file_id = await uploaded(api, key)
    answer = await api.submit({"file_id": file_id}, job_type="pdf", key=key)
    assert data_of(answer)["job"]["parameters"] == {"file_id": file_id}


async def test_exactly_one_source_is_needed(api: Api) -> None:
    file_id = await uploaded(api)
    refused_field(await api.submit_pdf(), "parameters")
    message = refused_field(await api.submit_pdf(file_id=file_id, filename="a.pdf"), "parameters")
    assert message == "exactly one of filename, url, file_id is needed"


async def test_an_upload_of_another_key_is_refused(api: Api) -> None:
    mine, other = await api.new_key("a"), await api.new_key("b")
    foreign = await uploaded(api, other)
    api.clock.advance(UNNAMED_KEPT.total_seconds())
    gone = await uploaded(api, mine)
    api.clock.advance(UNNAMED_KEPT.total_seconds())
    assert await api.files.mark_for_removal(gone, api.clock.now())
    for file_id in (foreign, gone, "file-unknown", "", "$ne"):
        answer = await api.submit({"file_id": file_id}, job_type="pdf", key=mine)
        refused_field(answer, "parameters.file_id", "FILE_NOT_FOUND")
    assert api.jobs.jobs == {}


async def test_an_admin_may_name_any_upload(api: Api) -> None:
    foreign = await uploaded(api, await api.new_key())
    assert (await api.submit_pdf(file_id=foreign)).status_code == 202


async def test_an_upload_stays_while_its_job_is_being_stored(api: Api) -> None:
    file_id = await uploaded(api)
    api.clock.advance((UNNAMED_KEPT - timedelta(minutes=1)).total_seconds())
    assert (await api.submit_pdf(file_id=file_id)).status_code == 202
    api.clock.advance(3600)
    assert not await api.files.mark_for_removal(file_id, api.clock.now())


async def test_other_types_may_use_the_name_file_id_for_anything(api: Api) -> None:
    assert (await api.submit({"file_id": "mine"})).status_code == 202


async def test_a_batch_names_its_first_job_without_an_upload(api: Api) -> None:
    file_id = await uploaded(api)
    jobs = [
        {"job_type": "pdf", "parameters": {"file_id": one}} for one in (file_id, "file-x", file_id)
    ]
    answer = await api.request("POST", "/api/jobs/batch", json={"jobs": jobs})
    refused_field(answer, "jobs.1.parameters.file_id", "FILE_NOT_FOUND")
    assert api.jobs.jobs == {}
    answer = await api.request("POST", "/api/jobs/batch", json={"jobs": jobs[::2]})
    assert len(data_of(answer)["job_ids"]) == 2
