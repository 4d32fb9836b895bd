"""``secretary-api`` as a process, with real sockets and a real MongoDB that stops and starts."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.api_harness import ADMIN_KEY, data_of, error_of
from support.api_process import MAX_BODY_MB, announce, client_of, running_service, service_over

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service, console_script, environment
from secretary_devstack.servers.mongod import ReplicaSet

MAX_BODY_BYTES = MAX_BODY_MB * 1024 * 1024
SUBMISSION = {"job_type": "custom", "parameters": {}}


def test_a_job_is_accepted_with_the_broker_down(
    service: Service, mongo_url: str, database_name: str
) -> None:
    with client_of(service) as client:
        error_of(client.post("/api/jobs/", json=SUBMISSION), 503, "STORE_UNAVAILABLE")
        announce(mongo_url, database_name)
        answer = wait_until(lambda: accepted(client), timeout_sec=10, what="the type")
        assert answer.status_code == 202
        assert answer.elapsed.total_seconds() < 4
        job = data_of(client.get(answer.headers["location"]))
        assert job["status"] == "pending"
    assert service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    about = [line for line in lines if line.get("job_id") == job["job_id"]]
    assert [line["event"] for line in about] == ["request.answered"] * 2
    assert (about[0]["status"], about[0]["job_type"]) == (202, "custom")
    assert lines[-1]["event"] == "service.stopped"
    assert ADMIN_KEY not in service.log.read_text()


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_client_that_sends_too_much_can_read_the_error(
    shared_service: Service, *, chunked: bool
) -> None:
    body = b" " * (8 * MAX_BODY_BYTES)
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    with client_of(shared_service) as client:
        headers = {"Content-Type": "application/json"}
        content = pieces if chunked else body
        answer = client.post("/api/jobs/", content=content, headers=headers)
        error_of(answer, 413, "BODY_TOO_LARGE")
        assert client.get("/health/live").status_code == 200


def test_a_client_that_asks_first_is_refused_before_it_sends(shared_service: Service) -> None:
    """With ``Expect: 100-continue`` the client gets the error instead of 100."""
    head = (
        "POST /api/jobs/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN_KEY}\r\nContent-Length: {2 * MAX_BODY_BYTES}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", shared_service.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_the_service_waits_for_mongodb_and_survives_its_end(tmp_path: Path) -> None:
    mongo = ReplicaSet(tmp_path / "mongo")
    service = service_over(mongo.url, "secretary", tmp_path)
    try:
        service.launch()
        with client_of(service) as client:
            wait_until(lambda: is_live(client), timeout_sec=30, what="the API")
            started = time.monotonic()
            for path in ("/api/jobs/", "/health/ready"):
                error_of(client.get(path), 503, "STORE_UNAVAILABLE")
            assert time.monotonic() - started < 2

            mongo.start()
            service.await_ready(30)
            assert client.get("/api/jobs/").status_code == 200

            mongo.stop()
            answer = client.get("/api/jobs/")
            error_of(answer, 503, "STORE_UNAVAILABLE")
            assert answer.headers["retry-after"]
            assert answer.elapsed.total_seconds() < 10
            assert is_live(client)

            mongo.start()
            service.await_ready(30)
            assert client.get("/api/jobs/").status_code == 200
        assert service.stop()
        assert service.child.returncode == 0
        lines = [json.loads(line) for line in service.log.read_text().splitlines()]
        of_store = [line for line in lines if line["event"].startswith("store.")]
        events = [line["event"] for line in of_store]
        assert events[-3:] == ["store.ready", "store.unavailable", "store.available"]
        assert set(events[:-3]) <= {"store.awaited"}
        assert str(mongo.nodes[0].port) in of_store[-2]["reason"]
    finally:
        service.stop()
        mongo.stop()


def accepted(client: httpx.Client) -> httpx.Response | None:
    answer = client.post("/api/jobs/", json=SUBMISSION)
    return answer if answer.is_success else None


def is_live(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "security.encryption_keys"),
        ({"security.encryption_keys": ["hunter2"]}, "security.encryption_keys"),
        ({"api.prot": 1}, "api.prot"),
    ],
)
def test_a_bad_configuration_ends_the_service_and_names_the_setting(
    tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    log = tmp_path / "api.log"
    child = ChildProcess(
        [console_script("secretary-api")], log=log, env=environment(settings), cwd=tmp_path
    )
    assert child.wait(30) == 1
    said = log.read_text()
    assert said.startswith("secretary-api: ")
    assert named in said
    assert "hunter2" not in said
    assert "Traceback" not in said


def test_each_answer_offers_the_source_code(
    mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    source = "https://example.com/secretary"
    settings = {"api.source_url": source}
    with (
        running_service(mongo_url, database_name, tmp_path, **settings) as service,
        client_of(service) as client,
    ):
        for path in ("/health/live", "/docs", "/api/jobs/unknown", "/nothing"):
            assert client.get(path).headers["x-source-code"] == source
        assert f"]({source})" in client.get("/openapi.json").json()["info"]["description"]
