"""Each fault is reported to operators once, over several processes, and its end too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.servers.receiver import Receiver

pytestmark = pytest.mark.drill

DEADLINE_SEC = 120.0
SETTINGS = {
    "operator.after_sec": 1,
    "operator.interval_sec": 0.5,
    "operator.disk_free_percent": 100,
    "notifier.retry_schedule_sec": [0, *[0.1] * 12],
    "notifier.poll_interval_sec": 0.5,
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def events_in(receiver: Receiver, event: str) -> list[dict[str, Any]]:
    found = [one.json for one in receiver.requests if one.path == "/operator"]
    return [one for one in found if one["event"] == event]


def states(receiver: Receiver, event: str) -> list[str]:
    return [one["state"] for one in events_in(receiver, event)]


def await_states(receiver: Receiver, event: str, wanted: list[str]) -> None:
    receiver.wait_for(
        lambda _: states(receiver, event) == wanted,
        timeout_sec=DEADLINE_SEC,
        what=f"{event} {wanted}",
    )


def register(stack: Stack, receiver: Receiver, **fields: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    body = {"url": receiver.url("/operator"), "kind": "operator", **fields}
    return httpx.post(f"{stack.url}/api/endpoints", json=body, headers=headers)


def test_each_fault_is_one_signed_event_over_all_processes_and_one_at_its_end(
    start_stack: Any, receiver: Receiver, tmp_path: Any
) -> None:
    with RabbitMQ(tmp_path / "rabbitmq") as broker, Receiver() as gone:
        stack = start_stack(SETTINGS, amqp_url=broker.url, apis=2, notifiers=2, workers=2)
        assert register(stack, receiver).status_code == 201
        # The share of the disk that must be free is 100 %.
        await_states(receiver, "disk.low", ["began"])
        broker.stop()
        await_states(receiver, "broker.away", ["began"])
        broker.start()
        await_states(receiver, "broker.away", ["began", "ended"])
        # The receiver of a job has gone.
        gone.answer_next([410] * 5)
        with stack.client() as client:
            client.submit("custom", {"webhook": {"url": gone.url()}})
        await_states(receiver, "receiver.disabled", ["began"])
        await_states(receiver, "delivery.dead", ["began"])
        for request in receiver.requests:
            assert request.signature_fault(stack.keys.signing) is None
        assert states(receiver, "disk.low") == ["began"]


def test_a_receiver_that_fails_is_reported_until_it_works_again(
    start_stack: Any, receiver: Receiver
) -> None:
    with Receiver() as failing:
        stack = start_stack(SETTINGS)
        events = ["receiver.failing"]
        assert register(stack, receiver, events=events).status_code == 201
        failing.answer_next([500] * 10)  # as many open the breaker
        with stack.client() as client:
            client.submit("custom", {"webhook": {"url": failing.url()}})
        await_states(receiver, "receiver.failing", ["began", "ended"])
        [began, ended] = events_in(receiver, "receiver.failing")
        assert began["subject"] == ended["subject"] == failing.url("").rstrip("/")


def test_jobs_that_no_worker_takes_are_reported(start_stack: Any, receiver: Receiver) -> None:
    stack = start_stack(SETTINGS)
    assert register(stack, receiver, events=["job_type.without_worker"]).status_code == 201
    for worker in stack.workers:
        worker.stop()
    with stack.client() as client:
        client.submit("custom", {})
    await_states(receiver, "job_type.without_worker", ["began"])
    [began] = events_in(receiver, "job_type.without_worker")
    assert began["subject"] == "custom"
    for worker in stack.workers:
        worker.start()
    await_states(receiver, "job_type.without_worker", ["began", "ended"])
