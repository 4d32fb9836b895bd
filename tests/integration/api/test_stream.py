"""Streams of jobs over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.api_harness import data_of
from support.api_process import announce, client_of, running_service
from support.stream_events import events_in

from secretary_api.main import SHUTDOWN_SEC
from secretary_devstack.processes.service import Service


@pytest.fixture
def service(mongo_url: str, database_name: str, tmp_path: Path) -> Iterator[Service]:
    announce(mongo_url, database_name)
    with running_service(mongo_url, database_name, tmp_path) as service:
        yield service


def submitted(client: Any) -> str:
    answer = client.post("/api/jobs/", json={"job_type": "custom", "parameters": {}})
    return str(data_of(answer)["job_id"])


def test_a_change_arrives_in_an_open_stream_and_the_end_closes_it(service: Service) -> None:
    with client_of(service) as client:
        job_id = submitted(client)
        with client.stream("GET", f"/api/jobs/{job_id}/stream") as answer:
            events = events_in(answer.iter_lines())
            assert next(events).name == "pending"
            client.post(f"/api/jobs/{job_id}/cancel").raise_for_status()
            last = next(events)
            assert (last.name, last.data["status"]) == ("cancelled", "cancelled")
            assert list(events) == []
        again = client.get(f"/api/jobs/{job_id}/stream", headers={"Last-Event-ID": str(last.seq)})
        assert again.status_code == 204


def test_open_streams_do_not_delay_a_stopping_service(service: Service) -> None:
    with client_of(service) as client:
        job_id = submitted(client)
        with client.stream("GET", f"/api/jobs/{job_id}/stream") as answer:
            events = events_in(answer.iter_lines())
            assert next(events).name == "pending"
            stopped_at = time.monotonic()
            assert service.stop()
            assert time.monotonic() - stopped_at < SHUTDOWN_SEC
            assert list(events) == []


def test_a_deleted_key_ends_its_stream(service: Service) -> None:
    with client_of(service) as admin, client_of(service) as client:
        made = data_of(admin.post("/api/keys", json={"name": "a"}))
        client.headers["Authorization"] = f"Bearer {made['key']}"
        job_id = submitted(client)
        with client.stream("GET", f"/api/jobs/{job_id}/stream") as answer:
            events = events_in(answer.iter_lines())
            assert next(events).name == "pending"
            admin.delete(f"/api/keys/{made['key_id']}").raise_for_status()
            assert list(events) == []
