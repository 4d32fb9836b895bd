"""Operators and outages disturb RabbitMQ; a whole system goes on. All tests share one broker."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.rabbitmq.node import RabbitMQ

pytestmark = pytest.mark.drill


POLL_SEC = 3
# The promise is 15 s after the broker works again; the double for a busy machine.
BACK_SEC = 2 * 15
# The shortest timeout that the broker accepts, checked as often as possible; its default is 30 min.
CONSUMER_TIMEOUT_SEC = 1
SHORT_TIMEOUT = (
    f"[{{rabbit, [{{consumer_timeout, {CONSUMER_TIMEOUT_SEC * 1000}}},"
    " {channel_tick_interval, 500}]}]"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq"), advanced=SHORT_TIMEOUT) as started:
        yield started


@pytest.fixture(scope="module")
def stack(start_shared_stack: Any, broker: RabbitMQ) -> Stack:
    """A system with one worker on that broker."""
    settings = {"generic_worker.poll_interval_sec": POLL_SEC}
    started: Stack = start_shared_stack(settings, amqp_url=broker.url)
    return started


@pytest.fixture
def worker(stack: Stack) -> Service:
    (one,) = stack.workers
    wait_until(lambda: listens(one), timeout_sec=BACK_SEC, what="a listening worker")
    return one


@pytest.fixture
def client(stack: Stack) -> Iterator[JobClient]:
    with stack.client() as connected:
        yield connected


def listens(worker: Service) -> bool:
    """Return whether the worker consumes doorbells; it must be live in any case."""
    answer = httpx.get(f"http://127.0.0.1:{worker.port}/health/live")
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["data"]["listening"])


def doorbells(worker: Service) -> dict[str, float]:
    """Return how many doorbells of ``nap`` jobs the worker got, by their outcome."""
    text = httpx.get(f"http://127.0.0.1:{worker.port}/metrics").text
    mark = 'queue="secretary.jobs.nap"'
    lines = [line for line in text.splitlines() if mark in line and "heard_total" in line]
    return {line.split('outcome="')[1].split('"')[0]: float(line.split()[-1]) for line in lines}


def claimed(worker: Service) -> float:
    """Return how many jobs the worker found by doorbells, quick ones too."""
    text = httpx.get(f"http://127.0.0.1:{worker.port}/metrics").text
    mark = 'secretary_claims_total{found_by="doorbell"}'
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(mark))


def nap(client: JobClient) -> dict[str, Any]:
    """Run a short job; return it."""
    return client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=20)


def test_a_job_longer_than_the_consumer_timeout_is_delivered_and_run_once(
    client: JobClient, worker: Service
) -> None:
    before = doorbells(worker)
    job_id = client.submit("nap", {"seconds": 8 * CONSUMER_TIMEOUT_SEC})
    job = client.wait(job_id, timeout_sec=40)
    assert (job["status"], job["attempt"]) == ("completed", 1)
    after = doorbells(worker)
    assert sum(after.values()) - sum(before.values()) == 1
    lines = [line for line in worker.log.read_text().splitlines() if job_id in line]
    assert sum("job.claimed" in line for line in lines) == 1
    assert sum("job.settled" in line for line in lines) == 1
    assert "broker.lost" not in worker.log.read_text()


def test_workers_poll_while_the_broker_is_stopped_and_use_the_doorbell_again_afterwards(
    client: JobClient, worker: Service, broker: RabbitMQ
) -> None:
    broker.control("stop_app")
    try:
        wait_until(
            lambda: not listens(worker), timeout_sec=20, what="the worker to notice the loss"
        )
        for _ in range(2):
            assert nap(client)["status"] == "completed"
    finally:
        broker.control("start_app")
    await_doorbell(client, worker)


@pytest.mark.parametrize(
    "command",
    [("close_all_connections", "drill"), ("delete_queue", "secretary.jobs.nap")],
    ids=lambda command: command[0],
)
def test_a_connection_or_queue_that_an_operator_removes_is_restored(
    client: JobClient, worker: Service, broker: RabbitMQ, command: tuple[str, ...]
) -> None:
    broker.control(*command)
    assert nap(client)["status"] == "completed"
    await_doorbell(client, worker)


def await_doorbell(client: JobClient, worker: Service) -> None:
    """Return when a doorbell has started a job again."""
    before = claimed(worker)

    def doorbell_works() -> bool:
        nap(client)
        return claimed(worker) > before

    wait_until(
        doorbell_works, timeout_sec=BACK_SEC, what="a job started by its doorbell", every_sec=0.5
    )
    wait_until(lambda: listens(worker), timeout_sec=BACK_SEC, what="a listening worker")
