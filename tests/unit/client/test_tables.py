"""Commands that write tables and counts, over answers of the API."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import httpx

from secretary_client import commands
from secretary_client.client import Client

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

    def client(self) -> Client:
        return Client("http://api", "k", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(
            200, json={"status": "success", "data": self._answers[request.url.path]}
        )


def rows(text: object) -> list[str]:
    return str(text).splitlines()


def test_attempts_are_a_table_with_the_error_of_each() -> None:
    api = Api({"/api/jobs/job-1/attempts": {"attempts": [ATTEMPT], "omitted": 0}})
    with api.client() as client:
        [head, row] = rows(commands.attempts(client, Namespace(job_id="job-1")))
    assert head.split()[:4] == ["RUN", "ATTEMPT", "OUTCOME", "WORKER"]
    assert "w1" in row
    assert row.endswith("PROCESSING_ERROR: ValueError: no")


def test_receivers_are_a_table_with_breaker_and_last_answer() -> None:
    with Api({"/api/receivers": {"receivers": [RECEIVER]}}).client() as client:
        [_, row] = rows(commands.receivers(client, Namespace()))
    assert row.split()[:4] == ["https://x.org:443", "ep-1", "open", "2026-01-01T00:00:30.000Z"]
    assert row.split()[4:] == ["0", "3", "10", "503"]


def test_an_action_on_all_jobs_sends_only_the_given_filters_and_writes_the_counts() -> None:
    api = Api({"/api/jobs/retry": {"matched": 3, "done": 2, "more": True, "next": "c1"}})
    nothing = dict.fromkeys(("tag", "batch", "user"))
    options = Namespace(
        action="retry", cursor="c0", limit=3, status="failed", type="pdf", **nothing
    )
    with api.client() as client:
        written = commands.act_on_all(client, options)
    assert str(written).endswith("2 of 3 jobs; more jobs may match: repeat with --cursor c1")
    [request] = api.requests
    assert json.loads(request.content) == {
        "filter": {"status": "failed", "job_type": "pdf"},
        "limit": 3,
        "cursor": "c0",
    }
