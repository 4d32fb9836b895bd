"""``watch``, ``logs --follow`` and ``stats``: what they say while a job waits or runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from secretary_client.cli import session
from secretary_client.client import Client
from secretary_client.main import main

Output = pytest.CaptureFixture[str]
LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds")
BEFORE = "2026-01-01T00:00:00.000Z"
ERROR = {"code": "PROCESSING_ERROR", "message": "no", "details": None}


class Api:
    """Shows a pending job with *fields*, which completes when its stream is read to the end."""

    def __init__(self, **fields: Any) -> None:
        self.fields = {"run_at": BEFORE, "error": None, "attempt": 0, "max_attempts": 3} | fields
        self.type = {"job_type": "pdf", "paused": False, "workers": 1}
        self.has_ended = False
        self.logs: list[dict[str, Any]] = []
        self.asked: list[str | None] = []

    def client(self, *_: Any, **__: Any) -> Client:
        return Client("http://api", "k", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/stream"):
            return httpx.Response(200, text=self._event("pending") + self._event("completed"))
        data: Any = {"job_id": "j", "job_type": "pdf", "status": "pending", **self.fields}
        if self.has_ended:
            data["status"] = "completed"
        if path.endswith("/results"):
            data = {"job_id": "j", "status": "completed", "results": {"n": 1}}
        if path.endswith("/job-types"):
            data = {"job_types": [self.type]}
        if path.endswith("/logs"):
            self.asked.append(request.url.params.get("after"))
            data = {"logs": [self.logs.pop(0)] if self.logs else [], "next": None}
        return httpx.Response(200, json={"status": "success", "data": data})

    def _event(self, name: str) -> str:
        state = {"seq": 1, "job_id": "j", "status": name, "progress": None, "error": None}
        return f"id: 1\nevent: {name}\ndata: {json.dumps(state)}\n\n"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SECRETARY_KEY", "k")

    def use(api: Api) -> Api:
        monkeypatch.setattr(session, "Client", api.client)
        return api

    return use


@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({}, {"paused": True}, "the type pdf is paused"),
        ({}, {"workers": 0}, "no worker runs pdf now"),
        ({"run_at": LATER}, {}, f"starts at {LATER}"),
        (
            {"run_at": LATER, "error": ERROR, "attempt": 1},
            {},
            f"attempt 2 of 3 follows at {LATER}, after PROCESSING_ERROR: no",
        ),
        ({}, {}, "pending"),
    ],
    ids=["paused", "no worker", "scheduled", "retried", "due"],
)
def test_watch_says_why_a_job_waits(
    use: Any, capsys: Output, fields: dict[str, Any], kind: dict[str, Any], reason: str
) -> None:
    api = use(Api(**fields))
    api.type |= kind
    assert main(["watch", "j"]) == 1  # the stand-in's job is pending after its stream
    assert capsys.readouterr().err.splitlines()[0].endswith(reason)


def test_the_log_is_followed_to_the_end_of_the_job(use: Any, capsys: Output) -> None:
    api = use(Api())
    api.has_ended = True
    api.logs = [
        {"seq": 4, "attempt": 1, "timestamp": BEFORE, "level": "info", "message": "a\x1bb"},
    ]
    assert main(["logs", "j", "-f", "--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["seq"] == 4
