"""``GET /api/stream`` of a real process, across its restart: no job is missed."""

from __future__ import annotations

import json

import httpx
from support.api_process import announce, client_of

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service

SUBMISSION = {"job_type": "custom", "parameters": {}}


def submitted(client: httpx.Client, count: int) -> set[str]:
    answers = [client.post("/api/jobs/", json=SUBMISSION) for _ in range(count)]
    return {answer.json()["data"]["job_id"] for answer in answers}


def followed(client: httpx.Client, last: str | None, wanted: set[str]) -> str:
    """Read the stream after *last* until it has named all *wanted* jobs; return the last id."""
    headers = {"Last-Event-ID": last} if last else {}
    missing = set(wanted)
    with client.stream("GET", "/api/stream", headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                last = value
            elif name == "data":
                missing.discard(json.loads(value)["job_id"])
            if last and not missing and not line:
                return last
    raise AssertionError(f"the stream has ended without {missing}")


def test_a_stream_goes_on_at_its_place_after_a_restart_of_the_api(
    service: Service, mongo_url: str, database_name: str
) -> None:
    announce(mongo_url, database_name)
    with client_of(service) as client:
        wait_until(
            lambda: client.get("/api/jobs/").status_code == 200, timeout_sec=20, what="the API"
        )
        start = followed(client, None, set())
        place = followed(client, start, submitted(client, 3))
        missed = submitted(client, 4)
    assert service.stop()
    service.start()
    with client_of(service) as client:
        wait_until(
            lambda: client.get("/api/jobs/").status_code == 200, timeout_sec=20, what="the API"
        )
        followed(client, place, missed)
