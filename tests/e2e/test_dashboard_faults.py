"""Five faults at once: the overview alone names each, with what to do, within a minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from pymongo import MongoClient
from support.dashboard_harness import browser, visit

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import HOST, free_port

pytestmark = pytest.mark.drill

MINUTE_MS = 60_000
TYPE_WITHOUT_WORKER = "custom"
RUN_TYPES = ["nap", "stuck"]


def test_five_faults_are_found_from_the_overview_within_a_minute(
    start_stack: Callable[..., Stack], mongo_url: str, database_name: str
) -> None:
    refused = f"amqp://guest:guest@{HOST}:{free_port()}/"
    stack = start_stack(own_settings=lambda name: _broker_of(name, refused))
    with JobClient(stack.url, stack.keys.bootstrap) as admin:
        stack.workers[0].stop()
        worker = stack.add_worker({"worker.job_types": RUN_TYPES})
        worker.start()
        dead = f"http://{HOST}:{free_port()}/hook"
        admin.submit("nap", {"seconds": 0.1, "webhook": {"url": dead}})
        stuck = admin.submit("nap", {"seconds": 4000})
        # Its first report would undo what is planted; the next one comes after minutes.
        admin.wait(stuck, timeout_sec=60, until=lambda job: job["progress"] is not None)
        _make_silent(mongo_url, database_name, stuck)
        limits = {"name": "the wiki", "limits": {"max_pending": 3}}
        key = admin.http.post("/api/keys", json=limits).json()["data"]["key"]
        with JobClient(stack.url, key) as wiki:
            for _ in range(3):
                wiki.submit(TYPE_WITHOUT_WORKER, {})
        with browser() as running, visit(running, stack.url) as visitor:
            visitor.sign_in(stack.keys.bootstrap)
            attention = visitor.page.get_by_role("list", name="What needs attention")
            for text in (
                f"The receiver {dead.removesuffix('/hook')} has failed",
                f"No live worker runs the type {TYPE_WITHOUT_WORKER}",
                "A running nap job has reported nothing for",
                "The queue of the key the wiki is full: 3 of 3 jobs wait",
                "RabbitMQ does not answer the API",
            ):
                expect(attention).to_contain_text(text, timeout=MINUTE_MS)
            assert visitor.faults == []


def _broker_of(service: str, refused: str) -> dict[str, object]:
    """Return the settings of a service: the API is refused by its broker, the others poll."""
    return {"broker.url": refused} if service.startswith("secretary-api") else {}


def _make_silent(mongo_url: str, database: str, job_id: str) -> None:
    """Let a job have reported nothing for six minutes."""
    with MongoClient[dict[str, Any]](mongo_url, tz_aware=True) as client:
        jobs = client[database]["jobs"]
        job = jobs.find_one({"_id": job_id})
        assert job is not None
        silent_since = job["updated_at"] - timedelta(minutes=6)
        jobs.update_one({"_id": job_id}, {"$set": {"updated_at": silent_since}})
