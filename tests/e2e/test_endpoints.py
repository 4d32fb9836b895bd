"""Endpoints of a whole system: one is down and recovers, one is slow, one is disabled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient, is_finished
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver, ReceiverAnswer

pytestmark = pytest.mark.drill

JOBS, RETRIED = 200, 20
LONG_SEC = 120
SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "generic_worker.max_concurrent": 16,
    "notifier.poll_interval_sec": 1,
    "notifier.retry_schedule_sec": [0, *[1] * 200],
}
EVENTS = ["processing", "completed", "failed", "cancelled"]
Runs = set[tuple[str, int]]


@pytest.fixture
def receivers() -> Iterator[dict[str, Receiver]]:
    """The receivers of the three endpoints, by name."""
    answers = {
        "dead": ReceiverAnswer(503),
        "slow": ReceiverAnswer(delay_sec=0.1),
        "disabled": ReceiverAnswer(),
    }
    with ExitStack() as on:
        yield {name: on.enter_context(Receiver(answer=one)) for name, one in answers.items()}


def register(client: JobClient, receiver: Receiver) -> str:
    body = {"url": receiver.url("/events"), "events": EVENTS}
    answer = client.http.post("/api/endpoints", json=body)
    assert answer.status_code == 201, answer.text
    endpoint_id: str = answer.json()["data"]["endpoint"]["id"]
    return endpoint_id


def enable(client: JobClient, endpoint_id: str, *, enabled: bool) -> None:
    answer = client.http.patch(f"/api/endpoints/{endpoint_id}", json={"enabled": enabled})
    assert answer.json()["data"]["endpoint"]["enabled"] is enabled


def submit(client: JobClient, count: int) -> list[str]:
    one = {"job_type": "nap", "parameters": {"seconds": 0.3}}
    answer = client.http.post("/api/jobs/batch", json={"jobs": [one] * count})
    assert answer.status_code == 202, answer.text
    job_ids: list[str] = answer.json()["data"]["job_ids"]
    return job_ids


def skipped(client: JobClient, endpoint_id: str) -> list[dict[str, Any]]:
    path = f"/api/deliveries?endpoint={endpoint_id}&status=skipped&limit=250"
    found: list[dict[str, Any]] = client.http.get(path).json()["data"]["deliveries"]
    return found


def accepted_ends(receiver: Receiver) -> Runs:
    """Return the jobs and runs whose end the receiver has accepted."""
    bodies = [hit.json for hit in receiver.requests if 200 <= hit.status < 300]
    return {(body["process"]["id"], body["run"]) for body in bodies if body["phase"] == "completed"}


def await_ends(receiver: Receiver, runs: Runs, what: str) -> None:
    wait_until(lambda: accepted_ends(receiver) >= runs, timeout_sec=LONG_SEC, what=what)


def assert_in_order(receiver: Receiver) -> None:
    """Check that no event of a job was sent for the first time after a later one."""
    seen: dict[str, int] = {}
    sent: set[str] = set()
    for hit in receiver.requests:
        job_id, seq = hit.json["process"]["id"], hit.json["seq"]
        if hit.headers["webhook-id"] not in sent:
            assert seq > seen.get(job_id, -1), f"{job_id}: {seq} after {seen[job_id]}"
            seen[job_id] = seq
        sent.add(hit.headers["webhook-id"])


def test_each_endpoint_gets_every_end_in_order_whatever_the_others_do(
    start_stack: Callable[..., Stack], receivers: dict[str, Receiver]
) -> None:
    stack = start_stack(SETTINGS, notifiers=2)
    since = datetime.now(UTC).isoformat()
    with stack.client() as client:
        ids = {name: register(client, one) for name, one in receivers.items()}
        first = submit(client, JOBS // 2)
        await_ends(receivers["disabled"], {(first[0], 1)}, "an event before the pause")
        enable(client, ids["disabled"], enabled=False)
        job_ids = [*first, *submit(client, JOBS - len(first))]
        wait_until(
            lambda: all(is_finished(client.job(job_id)) for job_id in job_ids[::10]),
            timeout_sec=LONG_SEC,
            what="the jobs",
        )
        runs = {(job_id, 1) for job_id in job_ids}
        await_ends(receivers["slow"], runs, "each end at the slow endpoint")

        def is_settled() -> bool:
            missed = {(one["job_id"], 1) for one in skipped(client, ids["disabled"])}
            return accepted_ends(receivers["disabled"]) | missed >= runs

        wait_until(is_settled, timeout_sec=LONG_SEC, what="skipped events")
        assert skipped(client, ids["disabled"])
        assert receivers["dead"].requests
        assert not accepted_ends(receivers["dead"])

        receivers["dead"].answer = ReceiverAnswer()
        enable(client, ids["disabled"], enabled=True)
        answer = client.http.post(f"/api/endpoints/{ids['disabled']}/replay", json={"since": since})
        assert answer.status_code == 202, answer.text
        for name, receiver in receivers.items():
            await_ends(receiver, runs, f"each end at the {name} endpoint")
        for job_id in job_ids[:RETRIED]:
            assert client.http.post(f"/api/jobs/{job_id}/retry").status_code == 202
        again = {(job_id, 2) for job_id in job_ids[:RETRIED]}
        for name, receiver in receivers.items():
            await_ends(receiver, again, f"each end of the second runs at the {name} endpoint")
    for receiver in receivers.values():
        assert_in_order(receiver)
