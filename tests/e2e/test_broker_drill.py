"""What operators and outages do to RabbitMQ, against whole systems (one broker for all of it)."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.rabbitmq import RabbitMQ

POLL_SEC = 3
# The promise is 15 s once the broker is usable again; as much again for a busy machine.
BACK_SEC = 2 * 15
# The shortest the broker takes, looked at as often as it can; its default is 30 minutes.
CONSUMER_TIMEOUT_SEC = 1
IMPATIENT = (
    f"[{{rabbit, [{{consumer_timeout, {CONSUMER_TIMEOUT_SEC * 1000}}},"
    " {channel_tick_interval, 500}]}]"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq"), advanced=IMPATIENT) as started:
        yield started


@pytest.fixture(scope="module")
def stack(
    mongo_url: str, broker: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One worker, on that broker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        made = Stack(
            tmp_path_factory.mktemp("drill"),
            mongo_url=mongo_url,
            amqp_url=broker.url,
            database=f"test_{uuid.uuid4().hex}",
            settings={
                "worker.handler_modules": ["e2e_handlers"],
                "generic_worker.poll_interval_sec": POLL_SEC,
            },
        )
        with made:
            yield made


@pytest.fixture
def worker(stack: Stack) -> Service:
    (one,) = stack.workers
    wait_until(lambda: listens(one), timeout_sec=BACK_SEC, what="an ear")
    return one


@pytest.fixture
def client(stack: Stack) -> Iterator[JobClient]:
    with stack.client() as connected:
        yield connected


def listens(worker: Service) -> bool:
    """Whether it says so; it is alive in any case."""
    answer = httpx.get(f"http://127.0.0.1:{worker.port}/health/live")
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["data"]["listening"])


def heard(worker: Service) -> dict[str, float]:
    """How many doorbells of ``nap`` jobs came to it, by what came of them."""
    text = httpx.get(f"http://127.0.0.1:{worker.port}/metrics").text
    mark = 'queue="secretary.jobs.nap"'
    lines = [line for line in text.splitlines() if mark in line and "heard_total" in line]
    return {line.split('outcome="')[1].split('"')[0]: float(line.split()[-1]) for line in lines}


def claimed(worker: Service) -> float:
    return heard(worker).get("claimed", 0)


def nap(client: JobClient) -> dict[str, Any]:
    """A short job, done."""
    return client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=20)


def test_a_job_longer_than_the_brokers_patience_is_delivered_started_and_finished_once(
    client: JobClient, worker: Service
) -> None:
    before = heard(worker)
    job_id = client.submit("nap", {"seconds": 8 * CONSUMER_TIMEOUT_SEC})
    job = client.wait(job_id, timeout_sec=40)
    assert (job["status"], job["attempt"]) == ("completed", 1)
    after = heard(worker)
    assert sum(after.values()) - sum(before.values()) == 1
    lines = [line for line in worker.log.read_text().splitlines() if job_id in line]
    assert sum("job.claimed" in line for line in lines) == 1
    assert sum("job.settled" in line for line in lines) == 1
    assert "broker.lost" not in worker.log.read_text()


def test_while_the_broker_is_stopped_jobs_are_polled_for_and_then_rung_for_again(
    client: JobClient, worker: Service, broker: RabbitMQ
) -> None:
    broker.control("stop_app")
    try:
        wait_until(lambda: not listens(worker), timeout_sec=20, what="the loss noticed")
        for _ in range(2):
            assert nap(client)["status"] == "completed"
    finally:
        broker.control("start_app")
    comes_back(client, worker)


@pytest.mark.parametrize(
    "command",
    [("close_all_connections", "drill"), ("delete_queue", "secretary.jobs.nap")],
    ids=lambda command: command[0],
)
def test_what_an_operator_takes_away_comes_back_by_itself(
    client: JobClient, worker: Service, broker: RabbitMQ, command: tuple[str, ...]
) -> None:
    broker.control(*command)
    assert nap(client)["status"] == "completed"
    comes_back(client, worker)


def comes_back(client: JobClient, worker: Service) -> None:
    """Return when a job is started by its doorbell again."""
    before = claimed(worker)

    def rung() -> bool:
        nap(client)
        return claimed(worker) > before

    wait_until(rung, timeout_sec=BACK_SEC, what="a job started by its doorbell", every_sec=0.5)
    wait_until(lambda: listens(worker), timeout_sec=BACK_SEC, what="an ear")
