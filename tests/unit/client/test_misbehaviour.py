"""Both clients against a server that misbehaves: they repeat, resume, or report the error."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from operator import methodcaller
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support.both_clients import KINDS, BothClients, Waits
from support.misbehaving_api import MisbehavingApi, Script, failure, http, stream, success

from secretary_client import ApiError, AsyncClient, Retry, Unreachable

JOB = {"job_id": "job-1", "status": "completed"}


@pytest.fixture
def api() -> Iterator[MisbehavingApi]:
    with MisbehavingApi() as running:
        yield running


@pytest.fixture
def waits() -> Waits:
    return Waits()


Make = Callable[..., BothClients]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, api: MisbehavingApi, waits: Waits) -> Iterator[Make]:
    made: list[BothClients] = []

    def make(**options: Any) -> BothClients:
        made.append(BothClients(request.param, api.url, "sk_1", clock=waits.clock, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.mark.parametrize(
    ("script", "wait"),
    [
        (failure(429, "RATE_LIMITED", **{"Retry-After": "3"}), 3),
        (failure(503, "STORE_UNAVAILABLE", **{"Retry-After": "7"}), 7),
        (Script(http(502, b"<html>Bad Gateway</html>")), 0.5),
        (Script(http(200, b'{"status": "succ', 500)), 0.5),
        (Script(), 0.5),
        (Script(http(200, b"", 500)[:30]), 0.5),
    ],
    ids=["429", "503", "502", "truncated body", "no answer", "truncated head"],
)
def test_a_passing_fault_is_repeated(
    make: Make, api: MisbehavingApi, waits: Waits, script: Script, wait: float
) -> None:
    api.follow(script, success(JOB))
    assert make().value(lambda client: client.job("job-1")) == JOB
    assert waits.all == [wait]


@pytest.mark.parametrize("hung", [b"", http(200, b'{"status"', 500)], ids=["all", "half"])
def test_a_body_that_never_ends_is_asked_for_again(
    make: Make, api: MisbehavingApi, hung: bytes
) -> None:
    api.follow(Script(hung, hangs=True), success(JOB))
    assert make(timeout=0.2).value(lambda client: client.job("job-1")) == JOB


@pytest.mark.parametrize(
    "script",
    [
        failure(500, "INTERNAL_ERROR"),
        Script(http(200, b'{"status": "succ')),
        Script(http(200, b"<html>Log in</html>")),
    ],
    ids=["500", "JSON that a proxy cut", "a page"],
)
def test_a_fault_that_stays_is_an_error_at_once(
    make: Make, api: MisbehavingApi, script: Script
) -> None:
    api.follow(script)
    with pytest.raises(ApiError):
        make().value(lambda client: client.job("job-1"))
    assert len(api.requests) == 1


def test_a_repeat_is_announced_with_its_error_and_the_time_that_is_left(
    make: Make, api: MisbehavingApi
) -> None:
    seen: list[Retry] = []
    api.follow(Script(), success(JOB))
    make(on_retry=seen.append, retry_sec=60).value(lambda client: client.job("job-1"))
    [retry] = seen
    assert isinstance(retry.error, Unreachable)
    assert str(retry.error).startswith(api.url)
    assert (retry.wait_sec, retry.left_sec) == (0.5, 60)


def event(seq: int, name: str) -> str:
    data = f'{{"seq":{seq},"job_id":"job-1","status":"{name}","progress":null,"error":null}}'
    return f"id: {seq}\nevent: {name}\ndata: {data}\n\n"


def test_a_cut_stream_of_a_job_goes_on_where_it_was(make: Make, api: MisbehavingApi) -> None:
    api.follow(
        stream(event(1, "pending") + event(2, "progress"), cut=True),
        failure(503, "STORE_UNAVAILABLE"),
        stream(event(3, "completed")),
        success(JOB),
    )
    assert make().value(lambda client: client.wait("job-1")) == JOB
    asked = [request.headers.get("last-event-id") for request in api.requests]
    assert asked == [None, "2", "2", None]


def test_the_stream_of_all_jobs_goes_on_after_the_last_id_also_one_without_event(
    make: Make, api: MisbehavingApi
) -> None:
    feed = event(7, "completed").replace("id: 7", "id: 100-1")
    api.follow(
        stream("retry: 2000\nid: 100-0\n\n" + feed + "id: 109-0\n\n", cut=True),
        stream("id: 109-0\n\nid: 120-0\nevent: reset\ndata: {}\n\n"),
        stream(feed.replace("100-1", "130-2")),
    )
    seen = make().items(lambda client: client.stream(job_type="pdf", tag=None), most=3)
    assert [(one.id, one.name) for one in seen] == [
        ("100-1", "completed"),
        ("120-0", "reset"),
        ("130-2", "completed"),
    ]
    assert [request.headers.get("last-event-id") for request in api.requests] == [
        None,
        "109-0",
        "120-0",
    ]
    assert "/api/stream?job_type=pdf " in api.requests[0].line


def test_an_upload_that_is_cut_off_is_sent_again_as_a_whole(
    make: Make, api: MisbehavingApi, tmp_path: Path
) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "a.pdf").write_bytes(content)
    api.follow(Script(read_only=100_000), success({"file_id": "file-1"}, 201))
    sent: list[tuple[int, int]] = []
    uploaded = make().value(
        lambda client: client.upload(
            tmp_path / "a.pdf", on_progress=lambda done, size: sent.append((done, size))
        )
    )
    assert uploaded == "file-1"
    assert content in api.requests[1].body
    assert sent[-1] == (len(content), len(content))


def test_a_path_bytes_and_an_open_file_are_uploaded(
    make: Make, api: MisbehavingApi, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7 text")
    client = make()
    reading, writing = os.pipe()
    os.write(writing, b"%PDF-1.7 text")
    os.close(writing)
    with path.open("rb") as placed, os.fdopen(reading, "rb") as pipe:
        placed.seek(5)
        for given, name, content in (
            (str(path), "a.pdf", b"%PDF-1.7 text"),
            (path, "a.pdf", b"%PDF-1.7 text"),
            (b"%PDF-1.7 text", "upload", b"%PDF-1.7 text"),
            (placed, "a.pdf", b"\r\n1.7 text"),
            (pipe, "upload", b"%PDF-1.7 text"),
        ):
            api.follow(Script(), success({"file_id": "file-1"}, 201))
            assert client.value(methodcaller("upload", given)) == "file-1"
            assert content in api.requests[-1].body
            assert f'filename="{name}"'.encode() in api.requests[-1].body
        assert not placed.closed
    with path.open() as text, pytest.raises(TypeError, match="text mode"):
        client.value(lambda one: one.upload(text))


def test_an_archive_of_a_job_that_is_retried_meanwhile_is_that_of_the_new_run(
    make: Make, api: MisbehavingApi, tmp_path: Path
) -> None:
    ended = (stream(event(1, "completed")), success(JOB))
    retried = success({"job_id": "job-1", "status": "pending"}, 202)
    api.follow(*ended, retried, *ended, Script(http(200, b"the zip")))
    make().value(lambda client: client.archive("job-1", str(tmp_path / "all.zip")))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the zip"]


def test_a_download_that_is_cut_off_is_fetched_again_as_a_whole(
    make: Make, api: MisbehavingApi, tmp_path: Path
) -> None:
    api.follow(Script(http(200, b"half", 9)), Script(http(200, b"the whole")))
    make().value(lambda client: client.download("job-1", "a.bin", str(tmp_path / "a.bin")))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the whole"]


class OpenStream(httpx.AsyncByteStream):
    """One event, then silence."""

    is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'id: 1\nevent: pending\ndata: {"seq": 1}\n\n'
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        self.is_closed = True


async def test_an_iterator_that_is_closed_has_closed_its_connection() -> None:
    opened = OpenStream()
    answers = httpx.MockTransport(lambda _: httpx.Response(200, stream=opened))
    async with AsyncClient("http://api", "sk_1", transport=answers) as client:
        events: Any = client.follow("job-1")
        assert (await anext(events)).seq == 1
        await events.aclose()
        assert opened.is_closed
