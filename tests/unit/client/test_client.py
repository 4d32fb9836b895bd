"""The client with an API that misbehaves: it submits no job twice and misses no event."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from secretary_client import (
    ApiError,
    AsyncClient,
    Client,
    JobFailed,
    JobNotEnded,
    Unreachable,
    WaitTimeout,
)
from secretary_client.core.clock import ClientClock

Answer = httpx.Response | Exception
JOB = "job-1"


class Api(httpx.BaseTransport):
    """Gives *answers* in order; keeps the requests, with their bodies read."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.now = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: Any) -> Client:
        clock = ClientClock(lambda: self.now, self.sleep)
        return Client("http://api", "sk_1", transport=self, clock=clock, **options)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def success(data: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"status": "success", "data": data})


def failure(status: int, code: str, **headers: str) -> httpx.Response:
    error = {"code": code, "message": "why", "details": None}
    return httpx.Response(status, json={"status": "error", "error": error}, headers=headers)


def shown(status: str, error: Any = None) -> httpx.Response:
    return success({"job_id": JOB, "status": status, "error": error})


def event(seq: int, name: str) -> str:
    data = {"seq": seq, "job_id": JOB, "status": name, "progress": None, "error": None}
    return f"id: {seq}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


class Broken(httpx.SyncByteStream):
    """A body whose connection breaks."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from (piece.encode() for piece in self._pieces)
        raise httpx.ReadError("connection reset")


def stream(*pieces: str, broken: bool = False) -> httpx.Response:
    if broken:
        return httpx.Response(200, stream=Broken(*pieces))
    return httpx.Response(200, text="".join(pieces))


def test_a_submission_is_repeated_under_one_key_until_it_is_answered() -> None:
    accepted = success({"job_id": JOB, "job": {"job_id": JOB}}, 202)
    api = Api(
        httpx.ConnectError("refused"),
        failure(503, "STORE_UNAVAILABLE", **{"Retry-After": "7"}),
        httpx.ReadTimeout("slow"),
        accepted,
    )
    with api.client() as client:
        assert client.submit("pdf", {"url": "u"}, priority=9)["job_id"] == JOB
    keys = {request.headers["Idempotency-Key"] for request in api.requests}
    assert len(api.requests) == 4
    assert len(keys) == 1
    assert api.waits == [0.5, 7, 10]
    for request in api.requests:
        body = {"job_type": "pdf", "parameters": {"url": "u"}, "priority": 9}
        assert json.loads(request.content) == body
        assert request.headers["Authorization"] == "Bearer sk_1"


def test_each_submission_has_its_own_key_unless_one_is_given() -> None:
    accepted = [success({"job_id": JOB, "job": {}}, 202) for _ in range(3)]
    api = Api(*accepted)
    with api.client() as client:
        client.submit("pdf", {})
        client.submit("pdf", {})
        client.submit("pdf", {}, idempotency_key="mine")
    first, second, third = (request.headers["Idempotency-Key"] for request in api.requests)
    assert first != second
    assert third == "mine"


def test_a_refused_call_is_not_repeated() -> None:
    api = Api(failure(422, "VALIDATION_ERROR"))
    with api.client() as client, pytest.raises(ApiError, match="VALIDATION_ERROR: why") as caught:
        client.submit("pdf", {})
    assert (caught.value.status, caught.value.code) == (422, "VALIDATION_ERROR")
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (lambda: httpx.ConnectError("refused"), Unreachable),
        (lambda: failure(503, "STORE_UNAVAILABLE"), ApiError),
        (lambda: httpx.Response(502, text="<html>Bad Gateway</html>"), ApiError),
    ],
)
def test_the_client_gives_up_in_time(last: Callable[[], Answer], error: type[Exception]) -> None:
    api = Api(*(last() for _ in range(99)))
    with api.client(retry_sec=20) as client, pytest.raises(error):
        client.job(JOB)
    assert 10 < sum(api.waits) <= 20


def test_a_broken_stream_is_resumed_where_it_broke() -> None:
    api = Api(
        stream(event(0, "pending"), event(2, "progress"), "id: 3\nevent: prog", broken=True),
        httpx.ConnectError("refused"),
        stream(": nothing new\n\n", event(4, "progress")),  # the service was stopped
        stream(event(5, "completed")),
    )
    with api.client() as client:
        assert [one.seq for one in client.follow(JOB)] == [0, 2, 4, 5]
    sent = [request.headers.get("Last-Event-ID") for request in api.requests]
    assert sent == [None, "2", "2", "4"]


@pytest.mark.parametrize("separator", ["\u2028", "\x85"])
def test_text_may_contain_line_separators(separator: str) -> None:
    failed = event(3, "failed").replace('"error": null', f'"error": {{"message": "a{separator}b"}}')
    with Api(stream(failed)).client() as client:
        [last] = client.follow(JOB)
    assert last.data["error"] is not None
    assert last.data["error"]["message"] == f"a{separator}b"


def test_a_broken_download_is_repeated_and_leaves_no_partial_file(
    tmp_path: Path,
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    api = Api(stream("half", broken=True), httpx.Response(200, content=b"whole"))
    with api.client() as client:
        client.download(JOB, "a.bin", target)
    assert target.read_bytes() == b"whole"
    api = Api(*(stream("half", broken=True) for _ in range(99)))
    with api.client() as client, pytest.raises(Unreachable):
        client.download(JOB, "a.bin", target)
    assert target.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


def test_the_time_of_attempts_counts_against_the_limit() -> None:
    class Slow(Api):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.now += 30
            return super().handle_request(request)

    api = Slow(*(httpx.ReadTimeout("slow") for _ in range(99)))
    with api.client(retry_sec=60) as client, pytest.raises(Unreachable):
        client.job(JOB)
    assert api.now <= 60 + 30 + 1


@pytest.mark.parametrize("answer", ["<html>Log in</html>", "[]", '{"no": "data"}'])
def test_an_answer_of_another_server_is_an_error(answer: str) -> None:
    api = Api(httpx.Response(200, text=answer))
    with api.client() as client, pytest.raises(ApiError, match="not as Secretary does"):
        client.job(JOB)


def test_a_permanent_error_is_not_repeated() -> None:
    api = Api(httpx.UnsupportedProtocol("no scheme"))
    with api.client() as client, pytest.raises(Unreachable):
        client.job(JOB)
    assert api.waits == []


def test_following_a_deleted_job_ends_with_an_error() -> None:
    api = Api(stream(event(0, "pending")), failure(404, "NOT_FOUND"))
    with api.client() as client, pytest.raises(ApiError, match="NOT_FOUND"):
        list(client.follow(JOB))


def test_a_run_returns_the_results_or_raises_the_failure() -> None:
    accepted = success({"job_id": JOB, "job": {"job_id": JOB}}, 202)
    api = Api(
        accepted,
        stream(event(3, "completed")),
        shown("completed"),
        success({"job_id": JOB, "status": "completed", "results": {"n": 1}}),
    )
    with api.client() as client:
        assert client.run("count", {}) == {"n": 1}
    error = {"code": "PDF_INVALID", "message": "no PDF", "details": None}
    api = Api(accepted, stream(event(3, "failed")), shown("failed", error))
    with api.client() as client, pytest.raises(JobFailed, match="job-1: PDF_INVALID: no PDF"):
        client.run("count", {})


def results_of(status: str) -> httpx.Response:
    return success({"job_id": JOB, "status": status, "results": None})


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_did_not_complete_has_no_results(status: str) -> None:
    with (
        Api(results_of(status), shown(status)).client() as client,
        pytest.raises(JobFailed, match=status),
    ):
        client.results(JOB)


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_a_job_that_has_not_ended_has_no_results_yet(status: str) -> None:
    with (
        Api(results_of(status)).client() as client,
        pytest.raises(JobNotEnded, match=f"job-1: the job is {status}"),
    ):
        client.results(JOB)


def test_a_completed_job_without_results_has_empty_results() -> None:
    with Api(results_of("completed")).client() as client:
        assert client.results(JOB) == {}


class Silent(Api):
    """Each stream shows one event, then nothing until its read times out."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/stream"):
            return super().handle_request(request)
        self.requests.append(request)
        self.now += request.extensions["timeout"]["read"]
        return stream(event(1, "progress"), broken=True)


@pytest.mark.parametrize("timeout", [0, 5, 100])
def test_a_wait_ends_at_its_timeout(timeout: float) -> None:
    accepted = success({"job_id": JOB, "job": {"job_id": JOB}}, 202)
    api = Silent(accepted)
    with api.client() as client, pytest.raises(WaitTimeout, match=f"{timeout} s") as caught:
        client.run("nap", {}, timeout=timeout)
    assert caught.value.job_id == JOB
    assert isinstance(caught.value, TimeoutError)
    assert timeout <= api.now <= timeout + 1


def test_a_busy_stream_ends_at_its_timeout_too() -> None:
    class Busy(Api):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return httpx.Response(200, stream=Ticking(self))

    class Ticking(httpx.SyncByteStream):
        def __init__(self, api: Api) -> None:
            self._api = api

        def __iter__(self) -> Iterator[bytes]:
            while True:
                self._api.now += 7
                yield b": nothing new\n\n"

    api = Busy()
    with api.client() as client, pytest.raises(WaitTimeout):
        client.wait(JOB, timeout=60)
    assert 60 <= api.now <= 70
    assert len(api.requests) < 8
    assert api.waits == []


def test_an_api_that_is_away_ends_a_wait_within_its_timeout() -> None:
    api = Api(*(httpx.ConnectError("refused") for _ in range(99)))
    with api.client() as client, pytest.raises(Unreachable, match="http://api: ConnectError"):
        client.wait(JOB, timeout=5)
    assert api.now <= 5


def test_a_start_may_be_a_datetime_with_a_time_zone() -> None:
    api = Api(success({"job_id": JOB, "job": {}}, 202))
    with api.client() as client:
        client.submit("pdf", {}, run_at=datetime(2026, 1, 31, 8, tzinfo=UTC))
        with pytest.raises(ValueError, match="run_at 2026-01-31 08:00:00 has no time zone"):
            client.submit("pdf", {}, run_at=datetime(2026, 1, 31, 8))  # noqa: DTZ001
    (request,) = api.requests
    assert json.loads(request.content)["run_at"] == "2026-01-31T08:00:00+00:00"


def test_listings_are_read_to_their_end() -> None:
    api = Api(
        success({"jobs": [{"job_id": "b"}], "next": "c1"}),
        success({"jobs": [{"job_id": "a"}], "next": None}),
    )
    with api.client() as client:
        assert [job["job_id"] for job in client.jobs(status="failed", tag=None)] == ["b", "a"]
    assert [dict(request.url.params) for request in api.requests] == [
        {"status": "failed"},
        {"status": "failed", "cursor": "c1"},
    ]


def test_a_repeated_upload_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF" + bytes(100_000))
    uploaded = [success({"file_id": "file-1"}, 201) for _ in range(2)]
    api = Api(httpx.WriteError("reset"), *uploaded)
    with api.client() as client:
        assert client.upload(path) == "file-1"
        assert client.upload(str(path)) == "file-1"
    for request in api.requests:
        assert path.read_bytes() in request.content


def test_names_in_paths_are_escaped(tmp_path: Path) -> None:
    api = Api(httpx.Response(200, content=b"x"))
    with api.client() as client:
        client.download("../keys", "a/../b", tmp_path / "b")
    assert api.requests[0].url.raw_path == b"/api/jobs/..%2Fkeys/files/a%2F..%2Fb"
    assert (tmp_path / "b").read_bytes() == b"x"


@pytest.mark.parametrize("identity", ["", ".", ".."])
def test_an_id_that_would_lead_to_another_path_is_refused(tmp_path: Path, identity: str) -> None:
    api = Api()
    with api.client() as client:
        with pytest.raises(ValueError, match="id"):
            client.keys.delete(identity)
        with pytest.raises(ValueError, match="id"):
            client.download(JOB, identity, tmp_path / "file")
    assert api.requests == []


@pytest.mark.parametrize("url", [" http://api/", "http://api\n", "api"])
def test_spaces_around_the_url_do_not_count(url: str) -> None:
    api = Api(success({"workers": []}))
    Client(url, "sk_1", transport=api).workers()
    assert str(api.requests[0].url) == "http://api/api/workers"


@pytest.mark.parametrize("key", ["", " \n", "sk_\u00fc", "sk_1\nX: 2"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_key_that_no_request_can_carry_is_refused_and_not_shown(
    kind: type[Client | AsyncClient], key: str
) -> None:
    with pytest.raises(ValueError, match="the API key") as refused:
        kind("http://api", key)
    assert "sk_" not in str(refused.value)


def test_a_key_may_end_with_the_line_end_of_its_file() -> None:
    api = Api(success({"workers": []}))
    Client("http://api", "sk_1\n", transport=api).workers()
    assert api.requests[0].headers["authorization"] == "Bearer sk_1"


@pytest.mark.parametrize("content", [bytearray(b"12"), memoryview(b"12")])
def test_bytes_of_each_kind_can_be_uploaded(content: bytearray | memoryview) -> None:
    api = Api(success({"file_id": "file-1"}, 201))
    assert api.client().upload(content) == "file-1"
    assert b"\r\n12\r\n" in api.requests[0].content


def test_a_file_whose_name_is_no_utf_8_can_be_uploaded(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xdcbung.pdf"))
    path.write_bytes(b"%PDF")
    api = Api(success({"file_id": "file-1"}, 201))
    assert api.client().upload(path) == "file-1"
    assert b'filename="?bung.pdf"' in api.requests[0].content


def test_an_error_has_the_whole_wait_that_the_api_asks_for() -> None:
    api = Api(failure(429, "RATE_LIMITED", **{"Retry-After": "3600"}))
    with api.client(retry_sec=0) as client, pytest.raises(ApiError) as refused:
        client.workers()
    assert refused.value.retry_after == 3600


def test_an_upload_of_something_else_names_its_type() -> None:
    given: Any = 5
    with pytest.raises(TypeError, match="int is no path, no bytes and no open file"):
        Api().client().upload(given)
