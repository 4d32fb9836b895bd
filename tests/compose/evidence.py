"""Collects what became of a load: from the API, the workers' logs and the receiver."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Sequence

import httpx
from compose.ledger import ENDED, Ledger, judge
from compose.project import JsonObject, Project

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.processes.job_client import JobClient

# Several leases and retries, on a slow machine.
ALL_ENDED_SEC = 480.0
WEBHOOKS_SEC = 120.0


def settle(project: Project, client: JobClient, accepted: Sequence[str]) -> Ledger:
    """Wait until all jobs have ended and their webhooks have arrived; return the ledger."""
    jobs: dict[str, JsonObject] = {}

    def all_ended() -> bool:
        for job_id in accepted:
            if jobs.get(job_id, {}).get("status") not in ENDED:
                _read(client, job_id, jobs)
        return all(job_id in jobs and jobs[job_id]["status"] in ENDED for job_id in accepted)

    def all_arrived() -> bool:
        return not judge(accepted, jobs, (), terminal_webhooks(project)).missing

    for done, seconds in ((all_ended, ALL_ENDED_SEC), (all_arrived, WEBHOOKS_SEC)):
        with contextlib.suppress(NotInTime):  # the ledger says what is missing
            wait_until(done, timeout_sec=seconds, what="the end of the load", every_sec=2.0)
    return judge(accepted, jobs, completed_by_workers(project), terminal_webhooks(project))


def _read(client: JobClient, job_id: str, jobs: dict[str, JsonObject]) -> None:
    try:
        jobs[job_id] = client.job(job_id)
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.NOT_FOUND:
            jobs.pop(job_id, None)
    except httpx.TransportError:
        pass


def completed_by_workers(project: Project) -> list[str]:
    """Return the job of each attempt that the log of a worker that still exists calls completed."""
    return [
        line["job_id"]
        for worker in project.containers("worker")
        for line in project.events(worker, "job.settled")
        if line["outcome"] == "completed"
    ]


def terminal_webhooks(project: Project) -> list[tuple[str, str]]:
    """Return the job and the id of each terminal webhook that the receiver has got."""
    found = []
    (receiver,) = project.containers("receiver")
    for line in project.log_lines(receiver):
        body = json.loads(base64.b64decode(line["body"]))
        if body["phase"] in ENDED:
            found.append((body["process"]["id"], line["headers"]["webhook-id"]))
    return found
