"""Stores that misbehave: cut bodies, 503 SlowDown, redirects, changed objects, lost answers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest
from support.raw_server import RawRequest, RawServer, raw_server
from support.store_harness import BUCKET, read, store_at, write

from secretary_common.errors import PermanentError, SecretaryError, TransientError
from secretary_common.http.url_guard import UrlGuard
from secretary_common.s3.connection import MOST_TRIES

URL = f"s3://{BUCKET}/file"
CONTENT = os.urandom(3 * 2**20)
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


def answer(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Words",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class Script:
    """Gives the answers in order; the last one again and again."""

    def __init__(self, answers: Iterable[bytes | None]) -> None:
        self._answers = list(answers)

    def __call__(self, _request: RawRequest) -> bytes | None:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def fault_of(server: RawServer, **options: Any) -> SecretaryError:
    store = store_at(f"http://127.0.0.1:{server.port}", **options)
    with pytest.raises(SecretaryError) as failed:
        await read(store, URL)
    return failed.value


async def test_a_cut_body_continues_where_it_stopped() -> None:
    cut, tag = 2 * 2**20 + 7, 'ETag: "v1"'
    first = answer(200, CONTENT[:cut], tag, length=len(CONTENT))
    size = len(CONTENT)
    ranged = f"Content-Range: bytes {cut}-{size - 1}/{size}"

    def reply(request: RawRequest) -> bytes:
        if "range" not in request.headers:
            return first
        assert request.headers["range"] == f"bytes={cut}-"
        assert request.headers["if-match"] == '"v1"'
        return answer(206, CONTENT[cut:], tag, ranged)

    async with raw_server(reply, closes_after_answer=True) as server:
        content, found = await read(store_at(f"http://127.0.0.1:{server.port}"), URL)
    assert content == CONTENT
    assert found.size == size
    assert len(server.requests) == 2


async def test_a_store_without_ranges_starts_again() -> None:
    script = Script(
        [
            answer(200, CONTENT[:1000], 'ETag: "v1"', length=len(CONTENT)),
            answer(200, CONTENT, 'ETag: "v1"'),
        ]
    )
    async with raw_server(script, closes_after_answer=True) as server:
        content, _ = await read(store_at(f"http://127.0.0.1:{server.port}"), URL)
    assert content == CONTENT


async def test_a_body_that_never_ends_well_is_a_transient_error() -> None:
    script = Script([answer(200, b"abc", 'ETag: "v1"', length=10), answer(503, SLOW_DOWN)])
    async with raw_server(script, closes_after_answer=True) as server:
        error = await fault_of(server)
    assert isinstance(error, TransientError)
    assert error.code == "S3_UNAVAILABLE"


async def test_an_object_that_changes_while_it_is_read_is_read_again_by_the_next_attempt() -> None:
    script = Script([answer(200, b"abc", 'ETag: "v1"', length=10), answer(412)])
    async with raw_server(script, closes_after_answer=True) as server:
        error = await fault_of(server)
    assert isinstance(error, TransientError)
    assert "changed" in error.message


async def test_slow_down_is_obeyed_and_repeated() -> None:
    script = Script([answer(503, SLOW_DOWN), answer(503, SLOW_DOWN), answer(200, b"done")])
    async with raw_server(script) as server:
        content, _ = await read(store_at(f"http://127.0.0.1:{server.port}"), URL)
    assert content == b"done"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [
        (503, "S3_UNAVAILABLE", MOST_TRIES),
        (500, "S3_UNAVAILABLE", MOST_TRIES),
        (403, "S3_ACCESS_DENIED", 1),
        (404, "S3_OBJECT_NOT_FOUND", 1),
        (400, "S3_REFUSED", 1),
        (501, "S3_REFUSED", 1),
        (301, "S3_ENDPOINT_REFUSED", 1),
        (307, "S3_ENDPOINT_REFUSED", 1),
    ],
)
async def test_each_status_has_a_code_and_a_number_of_tries(
    status: int, code: str, tries: int
) -> None:
    reply = answer(status, b"", "Location: http://127.0.0.1:1/elsewhere")
    async with raw_server(reply) as server:
        error = await fault_of(server)
    assert error.code == code
    assert len(server.requests) == tries
    assert isinstance(error, TransientError if tries > 1 else PermanentError)


async def test_a_connection_that_breaks_is_tried_again() -> None:
    async with raw_server(lambda _: None) as server:
        error = await fault_of(server)
    assert error.code == "S3_UNAVAILABLE"
    assert len(server.requests) >= MOST_TRIES


async def test_a_private_endpoint_needs_a_permission() -> None:
    async with raw_server() as server:
        error = await fault_of(server, guard=UrlGuard())
    assert error.code == "S3_ENDPOINT_REFUSED"
    assert server.requests == []


async def test_a_write_whose_answer_was_lost_is_recognised() -> None:
    headers = ('ETag: "v1"', "x-amz-meta-secretary-writer: 4", "x-amz-meta-secretary-sha256: abc")
    script = Script([answer(404), answer(412), answer(200, b"", *headers)])
    async with raw_server(script) as server:
        store = store_at(f"http://127.0.0.1:{server.port}")
        await write(store, URL, b"content", writer=4, sha256="abc")
    assert [request.method for request in server.requests] == ["HEAD", "PUT", "HEAD"]
    assert server.requests[1].headers["if-none-match"] == "*"


async def test_the_end_of_an_upload_may_report_an_error_under_status_200() -> None:
    begun = b"<Result><UploadId>u&amp;1</UploadId></Result>"

    def reply(request: RawRequest) -> bytes:
        if request.method == "HEAD":
            return answer(404)
        if request.method == "POST" and request.target.endswith("?uploads="):
            return answer(200, begun)
        if request.method == "POST":
            return answer(200, b"<Error><Code>InternalError</Code></Error>")
        return answer(200, b"", 'ETag: "p"')

    async with raw_server(reply) as server:
        store = store_at(f"http://127.0.0.1:{server.port}")
        with pytest.raises(TransientError) as failed:
            await write(store, URL, os.urandom(9 * 2**20))
    assert failed.value.code == "S3_UNAVAILABLE"
    assert server.requests[-1].method == "DELETE"
    assert "uploadId=u%261" in server.requests[-1].target


async def test_the_end_of_an_upload_whose_answer_was_lost_is_recognised() -> None:
    headers = ('ETag: "v1"', "x-amz-meta-secretary-writer: 4", "x-amz-meta-secretary-sha256: abc")
    heads = [answer(404), answer(200, b"", *headers)]
    ends = [answer(500), answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")]

    def reply(request: RawRequest) -> bytes:
        if request.method == "HEAD":
            return heads.pop(0)
        if request.method == "POST" and request.target.endswith("?uploads="):
            return answer(200, b"<Result><UploadId>u1</UploadId></Result>")
        if request.method == "POST":
            return ends.pop(0)
        return answer(200, b"", 'ETag: "p"')

    async with raw_server(reply) as server:
        store = store_at(f"http://127.0.0.1:{server.port}")
        await write(store, URL, os.urandom(9 * 2**20), writer=4, sha256="abc")
    assert (heads, ends) == ([], [])
