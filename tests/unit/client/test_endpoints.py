"""Endpoints from Python and from a shell, over answers of the API."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from secretary_client.cli import session
from secretary_client.client import Client
from secretary_client.core.clock import ClientClock
from secretary_client.main import main

ENDPOINT: dict[str, Any] = {
    "id": "ep-1",
    "enabled": True,
    "events": ["completed", "failed"],
    "url": "https://example.com/events",
    "message": "the receiver answered 503",
}
ANSWERS: dict[str, Any] = {
    "GET /api/endpoints": {"endpoints": [ENDPOINT], "next": None},
    "GET /api/endpoints/ep-1": {"endpoint": ENDPOINT},
    "POST /api/endpoints": {"endpoint": ENDPOINT},
    "PATCH /api/endpoints/ep-1": {"endpoint": ENDPOINT},
    "DELETE /api/endpoints/ep-1": {"id": "ep-1"},
    "POST /api/endpoints/ep-1/rotate-secret": {"secret": "whsec_new", "rotated_until": None},
    "POST /api/endpoints/ep-1/replay": {"count": 3},
    "POST /api/endpoints/ep-1/test": {"id": "msg_test-1_ep-1_1", "state": "delivered"},
}


class Api:
    """A stand-in for the API: it answers with fixed data and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []

    def client(self, *_: Any, **__: Any) -> Client:
        return Client("http://api", "k", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        called = f"{request.method} {request.url.path}"
        self.requests.append((called, json.loads(request.content or "null")))
        return httpx.Response(200, json={"status": "success", "data": ANSWERS[called]})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(session, "Client", made.client)
    return made


def run(*arguments: str) -> None:
    assert main(["--key", "k", "endpoints", *arguments]) == 0


@pytest.mark.parametrize(
    ("arguments", "called", "body"),
    [
        (["show", "ep-1"], "GET /api/endpoints/ep-1", None),
        (
            ["create", "https://a.example/", "--event", "completed", "--type", "pdf"],
            "POST /api/endpoints",
            {"url": "https://a.example/", "events": ["completed"], "job_types": ["pdf"]},
        ),
        (
            ["create", "https://a.example/", "--header", "X-Key=a=b", "--no-enabled"],
            "POST /api/endpoints",
            {"url": "https://a.example/", "headers": {"X-Key": "a=b"}, "enabled": False},
        ),
        (
            ["change", "ep-1", "--target", "https://b.example/", "--tag", "a", "--tag", "b"],
            "PATCH /api/endpoints/ep-1",
            {"url": "https://b.example/", "tags": ["a", "b"]},
        ),
        (["change", "ep-1", "--enabled"], "PATCH /api/endpoints/ep-1", {"enabled": True}),
        (
            ["change", "ep-1", "--every-job"],
            "PATCH /api/endpoints/ep-1",
            {"job_types": None, "tags": None},
        ),
        (
            ["replay", "ep-1", "--since", "2026-01-31T08:00:00Z"],
            "POST /api/endpoints/ep-1/replay",
            {"since": "2026-01-31T08:00:00Z"},
        ),
        (["test", "ep-1"], "POST /api/endpoints/ep-1/test", None),
        (["delete", "ep-1"], "DELETE /api/endpoints/ep-1", None),
    ],
)
def test_each_action_makes_its_call(
    api: Api, arguments: list[str], called: str, body: object
) -> None:
    run(*arguments)
    assert api.requests == [(called, body)]


@pytest.mark.parametrize("arguments", [[], ["list"]])
def test_the_endpoints_are_a_table_with_the_last_failure(
    api: Api, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(*arguments)
    _, row = capsys.readouterr().out.splitlines()
    assert row.split("  ")[0] == "ep-1"
    assert "the receiver answered 503" in row
    assert len(api.requests) == 1


def test_a_new_secret_is_written_and_a_given_one_is_read_from_a_file(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("whsec_mine\n")
    run("rotate", "ep-1", "--secret-file", str(tmp_path / "secret"))
    assert api.requests[0][1] == {"secret": "whsec_mine"}
    assert capsys.readouterr().out == "whsec_new\n"


def test_a_rotation_sends_the_same_new_secret_again_if_its_answer_is_lost() -> None:
    sent: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        if len(sent) == 1:
            raise httpx.ReadError("the connection broke")
        return httpx.Response(200, json={"status": "success", "data": sent[-1]})

    clock = ClientClock(sleep=lambda _: None)
    transport = httpx.MockTransport(answer)
    with Client("http://api", "k", transport=transport, clock=clock) as client:
        client.endpoints.rotate("ep-1", overlap_sec=60.0)
        client.endpoints.rotate("ep-1")
    first, repeat, other = sent
    assert first == repeat == {"secret": first["secret"], "overlap_sec": 60.0}
    assert len(base64.b64decode(first["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert other["secret"] != first["secret"]


@pytest.mark.parametrize(("action", "done"), [("change", "changed"), ("delete", "deleted")])
def test_each_change_is_an_object_with_json(
    api: Api, capsys: pytest.CaptureFixture[str], action: str, done: str
) -> None:
    run(action, "ep-1", "--json")
    assert json.loads(capsys.readouterr().out) == {"done": done, "id": "ep-1"}


def test_a_test_event_that_is_not_delivered_is_a_failure(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ANSWERS, "POST /api/endpoints/ep-1/test", {"state": "dead"})
    assert main(["--key", "k", "endpoints", "test", "ep-1"]) == 1


def test_an_endpoint_may_be_one_of_an_operator(api: Api) -> None:
    with api.client() as client:
        client.endpoints.create("https://a.example/", kind="operator")
    assert api.requests[0][1] == {"url": "https://a.example/", "kind": "operator"}


def test_the_value_of_a_header_may_come_from_a_file(api: Api, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    run("create", "https://a.example/", "--header", f"X-Key=@{tmp_path / 'token'}")
    assert api.requests[0][1]["headers"] == {"X-Key": "secret"}


@pytest.mark.parametrize(
    "arguments", [["dance"], ["create"], ["create", "u", "--header", "X"], ["replay", "ep-1"]]
)
def test_an_invalid_action_is_refused(arguments: list[str]) -> None:
    assert main(["--key", "k", "endpoints", *arguments]) == 2


def test_the_times_of_a_replay_may_be_datetimes_with_a_zone(api: Api) -> None:
    with api.client() as client:
        assert client.endpoints.replay("ep-1", datetime(2026, 1, 1, tzinfo=UTC)) == 3
        with pytest.raises(ValueError, match=r"since .* has no time zone"):
            client.endpoints.replay("ep-1", datetime(2026, 1, 1))  # noqa: DTZ001
    assert [body for _, body in api.requests] == [{"since": "2026-01-01T00:00:00+00:00"}]


def test_an_empty_id_is_refused(api: Api) -> None:
    with api.client() as client, pytest.raises(ValueError, match="is empty"):
        client.endpoints.delete("")
