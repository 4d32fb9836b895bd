"""Commands that write tables and counts, over answers of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from secretary_client.cli import session
from secretary_client.client import Client
from secretary_client.main import main

ATTEMPT = {
    "run": 1,
    "attempt": 1,
    "outcome": "retry",
    "worker": "w1",
    "waited_sec": 0.5,
    "started_at": "2026-01-01T00:00:00.000Z",
    "ran_sec": 2.0,
    "reason": None,
    "error": {"code": "PROCESSING_ERROR", "message": "ValueError: no"},
}
RECEIVER = {
    "receiver": "https://x.org:443",
    "endpoint_id": "ep-1",
    "breaker": "open",
    "open_until": "2026-01-01T00:00:30.000Z",
    "in_flight": 0,
    "waiting": 3,
    "failures": 10,
    "last_error": None,
    "last_status": 503,
}


class Api:
    """A stand-in for the API: it answers with fixed data and keeps the requests."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers
        self.requests: list[httpx.Request] = []

    def client(self, *_: Any, **__: Any) -> Client:
        return Client("http://api", "k", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(
            200, json={"status": "success", "data": self._answers[request.url.path]}
        )


Output = pytest.CaptureFixture[str]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api(
        {
            "/api/jobs/job-1/attempts": {"attempts": [ATTEMPT], "omitted": 0},
            "/api/receivers": {"receivers": [RECEIVER]},
            "/api/jobs/": {"jobs": [], "next": None},
            "/api/jobs/retry": {"matched": 3, "done": 2, "more": True, "next": "c1"},
        }
    )
    monkeypatch.setattr(session, "Client", made.client)
    return made


def rows(output: Output, *arguments: str) -> list[str]:
    assert main(["--key", "k", *arguments]) == 0
    return output.readouterr().out.splitlines()


def test_attempts_are_a_table_with_the_error_of_each(api: Api, capsys: Output) -> None:
    [head, row] = rows(capsys, "attempts", "job-1")
    assert head.split()[:4] == ["RUN", "ATTEMPT", "OUTCOME", "WORKER"]
    assert "w1" in row
    assert row.endswith("PROCESSING_ERROR: ValueError: no")


def test_receivers_are_a_table_with_breaker_and_last_answer(api: Api, capsys: Output) -> None:
    [_, row] = rows(capsys, "receivers")
    assert row.split()[:4] == ["https://x.org:443", "ep-1", "open", "2026-01-01T00:00:30.000Z"]
    assert row.split()[4:] == ["0", "3", "10", "503"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_table_is_written_as_json_if_asked(api: Api, capsys: Output, place: str) -> None:
    arguments = ["--json", "receivers"] if place == "before" else ["receivers", "--json"]
    assert json.loads("\n".join(rows(capsys, *arguments))) == [RECEIVER]


def test_an_action_on_all_jobs_sends_only_the_given_filters_and_writes_the_counts(
    api: Api, capsys: Output
) -> None:
    filters = ("--status", "failed", "--type", "pdf")
    written = rows(capsys, "all", "retry", *filters, "--limit", "3", "--cursor", "c0")
    assert written == ["2 of 3 jobs; more jobs may match: repeat with --cursor c1"]
    [request] = api.requests
    assert json.loads(request.content) == {
        "filter": {"status": "failed", "job_type": "pdf"},
        "limit": 3,
        "cursor": "c0",
    }


def test_the_jobs_of_a_batch_are_listed(api: Api, capsys: Output) -> None:
    [head] = rows(capsys, "list", "--batch", "batch-1", "--user", "anna")
    assert head.startswith("JOB")
    [request] = api.requests
    assert dict(request.url.params) == {"batch_id": "batch-1", "user_id": "anna"}
