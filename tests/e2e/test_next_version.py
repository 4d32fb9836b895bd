"""This version and the next one run side by side, as in a rolling upgrade and in a rollback."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from support.next_version import make_next_version

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient, is_finished
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver

pytestmark = pytest.mark.drill


SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "worker.heartbeat_sec": 1,
    "worker.lease_sec": 10,
    "worker.handler_modules": ["e2e_handlers"],
    "notifier.poll_interval_sec": 1,
    "notifier.retry_schedule_sec": [0, 1, 1, 1],
    "retention.sweep_interval_sec": 1,
    "log.format": "json",
}

PATHS = ("jobs/", "workers", "stats", "job-types", "templates", "deliveries", "endpoints")
RECEIVERS = ("/hook", "/endpoint/here", "/endpoint/there")
SECRETS = (
    "api.bootstrap_key",
    "api.pepper",
    "notifier.signing_secrets",
    "security.encryption_keys",
)


@pytest.fixture
def stacks(
    mongo_url: str, database_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Stack, Stack]]:
    """The services of this version, and the services of the next version, on one database."""
    handlers = str(Path(__file__).parent)
    this = Stack(tmp_path / "this", mongo_url=mongo_url, database=database_name, settings=SETTINGS)
    shared = {name: this.settings[name] for name in SECRETS}
    following = Stack(
        tmp_path / "next",
        mongo_url=mongo_url,
        database=database_name,
        settings={**SETTINGS, **shared},
    )
    following.keys = this.keys
    copy = make_next_version(tmp_path / "copy")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(copy), handlers]))
    with following:
        monkeypatch.setenv("PYTHONPATH", handlers)
        with this:
            yield this, following


def submit(client: JobClient, hook: str, number: int, name: str | None = None) -> str:
    """Submit a job with a webhook, under an idempotency key; return its id."""
    body = {
        "job_type": "nap",
        "job_name": name,
        "parameters": {"seconds": 0.8, "webhook": {"url": hook, "jobId": f"{name}-{number}"}},
    }
    key = {"Idempotency-Key": f"{name}-{number}"}
    answer = client.http.post("/api/jobs/", json=body, headers=key)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["data"]["job_id"]
    return job_id


def submit_batch(client: JobClient, hook: str) -> list[str]:
    one = {"job_type": "nap", "parameters": {"seconds": 0.1, "webhook": {"url": hook}}}
    answer = client.http.post("/api/jobs/batch", json={"jobs": [one] * 4})
    assert answer.status_code == 202, answer.text
    job_ids: list[str] = answer.json()["data"]["job_ids"]
    return job_ids


def test_both_versions_submit_work_and_notify_and_every_job_ends(
    stacks: tuple[Stack, Stack], receiver: Receiver, mongo_url: str, database_name: str
) -> None:
    this, following = stacks
    hook = receiver.url("/hook")
    events = ["processing", "completed"]
    with this.client() as here, following.client() as there:
        for path, client in zip(RECEIVERS[1:], (here, there), strict=True):
            body = {"url": receiver.url(path), "events": events}
            assert client.http.post("/api/endpoints", json=body).status_code == 201
        parked = [submit(there, hook, n, "parked") for n in range(4)]
        assert here.job(parked[0])["status"] == "parked"
        assert here.http.post(f"/api/jobs/{parked[0]}/cancel").status_code == 409
        assert here.http.get("/api/jobs/").status_code == 200
        job_ids = [
            *parked,
            *(submit(here, hook, n, "here") for n in range(8)),
            *(submit(there, hook, n, "there") for n in range(8)),
            *submit_batch(here, hook),
            *submit_batch(there, hook),
        ]

        # A repeat finds the job of the other version.
        assert submit(here, hook, 0, "there") == job_ids[12]
        assert submit(there, hook, 0, "here") == job_ids[4]

        def ended() -> list[Any] | None:
            # Each version shows the jobs of both.
            jobs = [client.job(job_id) for client in (here, there) for job_id in job_ids]
            return jobs if all(map(is_finished, jobs)) else None

        jobs = wait_until(ended, timeout_sec=40, what="all jobs", every_sec=0.5)
        assert {job["status"] for job in jobs} == {"completed"}
        for client in (here, there):
            for path in PATHS:
                assert client.http.get(f"/api/{path}").status_code == 200
        await_completed(receiver, set(job_ids))
        # The notifier of each version delivers what both versions store.
        for idle in (this.notifiers[0], following.notifiers[0]):
            idle.stop()
            await_completed(receiver, {*submit_batch(here, hook), *submit_batch(there, hook)})
            idle.start()
    with MongoClient[dict[str, Any]](mongo_url) as mongo:
        database = mongo[database_name]
        assert database.jobs.count_documents({"unreadable": {"$exists": True}}) == 0
        assert database.deliveries.count_documents({"unreadable": {"$exists": True}}) == 0
        # The new words were used, and this version kept the new fields.
        assert database.deliveries.count_documents({"phase": "started"}) > 0
        assert database.jobs.count_documents({"colour": "blue", "idempotency.scope": "key"}) == 12
        assert database.jobs.count_documents({"webhook.retry": "quick"}) >= 16
        assert database.jobs.count_documents({"endpoints.colour": "blue"}) >= 16
        assert database.endpoints.count_documents({"colour": "blue"}) == 1
    for stack in stacks:
        assert re.search(r'"event": "job.settled"', stack.workers[0].log.read_text())
        assert re.search(r'"event": "delivery.attempted"', stack.notifiers[0].log.read_text())
        for service in stack.services:
            text = service.log.read_text()
            assert service.running
            assert "document.unreadable" not in text
            assert "Traceback" not in text, text[text.index("Traceback") - 300 :][:3000]


def await_completed(receiver: Receiver, job_ids: set[str]) -> None:
    def have_completed(hits: Any) -> bool:
        return all(completed_jobs(hits, path) >= job_ids for path in RECEIVERS)

    receiver.wait_for(have_completed, timeout_sec=20, what="all webhooks")


def completed_jobs(hits: Any, path: str) -> set[str]:
    bodies = [hit.json for hit in hits if hit.path == path]
    return {body["process"]["id"] for body in bodies if body["phase"] == "completed"}
