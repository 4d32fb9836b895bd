"""What a broker refuses is named and costs no more than it must: the rest goes on ringing."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from prometheus_client import REGISTRY
from support.doorbell_recorder import DoorbellRecorder, connected, ringing, until

from secretary_common import bootstrap
from secretary_common.broker import queue_access, topology
from secretary_common.broker.job_consumer import JobConsumer
from secretary_common.broker.message import RingOutcome
from secretary_common.broker.preparation import declare_queues
from secretary_common.broker.publisher import Publisher
from secretary_common.runtime.lifecycle import running
from secretary_common.settings.service import BrokerSection
from secretary_devstack.servers.rabbitmq.node import RabbitMQ

# The promise is 15 s once the broker can be used again; as much again for a busy machine.
BACK_SEC = 2 * 15
USER, PASSWORD = "clerk", "hunter2"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker whose users these tests change."""
    with RabbitMQ(tmp_path_factory.mktemp("refusing-rabbitmq")) as started:
        started.control("add_user", USER, PASSWORD)
        yield started


@pytest.fixture(autouse=True)
def _permissions(broker: RabbitMQ) -> None:
    broker.control("change_password", USER, PASSWORD)
    broker.control("set_permissions", USER, ".*", ".*", ".*")


@pytest.fixture
def url(broker: RabbitMQ) -> str:
    return broker.url.replace("guest:guest", f"{USER}:{PASSWORD}")


@pytest.fixture
def job_type() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
async def channel(broker: RabbitMQ) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(broker.url) as connection:
        yield await connection.channel()


def events(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [vars(line)["fields"] for line in caplog.records if line.getMessage() == event]


def gauge(role: str) -> float | None:
    return REGISTRY.get_sample_value("secretary_broker_connected", {"role": role})


async def control(broker: RabbitMQ, *arguments: str) -> None:
    await asyncio.to_thread(broker.control, *arguments)


async def test_a_queue_with_other_arguments_polls_and_the_others_ring(
    url: str,
    job_type: str,
    channel: AbstractChannel,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_access, "CHECK_AGAIN_SEC", 3.0)
    odd_type = f"{job_type}-odd"
    odd = topology.job_queue(odd_type)
    await channel.declare_queue(odd, durable=True)
    received: list[str] = []

    async def on_ring(_: str, job_id: str) -> RingOutcome:
        received.append(job_id)
        return RingOutcome.CLAIMED

    publisher, consumer = Publisher(url), JobConsumer(url, [odd_type, job_type], on_ring)
    consumer.resume()
    async with running(publisher.run(), consumer.run()):
        await connected(publisher, job_type)
        await until(lambda: received == ["job-first"])
        assert not await publisher.ring_job(odd_type, "job-odd")
        await asyncio.sleep(7)  # some checks
        assert await publisher.ring_job(job_type, "job-2")
        await until(lambda: "job-2" in received)
        logged = events(caplog, "queue.refused")
        assert len(logged) == 2  # the consumer's and the publisher's
        for line in logged:
            assert line["queue"] == odd
            assert "inequivalent arg" in line["reason"]
            assert line["action"] == f"delete the queue {odd}"
        assert not events(caplog, "broker.lost")
        await channel.queue_delete(odd)

        async def rings_again() -> bool:
            await publisher.ring_job(odd_type, "job-odd")
            return "job-odd" in received

        await until(rings_again, timeout_sec=BACK_SEC)


async def test_init_creates_the_other_queues_and_sets_the_policy(
    url: str,
    job_type: str,
    channel: AbstractChannel,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await channel.queue_delete(topology.DELIVERIES)
    await channel.declare_queue(topology.DELIVERIES, durable=True)
    policies: list[str] = []

    def set_policy(management_url: str, _: str) -> bool:
        policies.append(management_url)
        return True

    monkeypatch.setattr(bootstrap, "set_policy", set_policy)
    section = BrokerSection.model_validate({"url": url, "management_url": "http://u:p@h"})
    await bootstrap._make_queues(section, [job_type])
    await channel.declare_queue(topology.job_queue(job_type), passive=True)
    (logged,) = events(caplog, "queue.refused")
    assert logged["queue"] == topology.DELIVERIES
    assert policies == ["http://u:p@h"]
    await channel.queue_delete(topology.DELIVERIES)


async def test_a_user_that_may_not_create_queues_uses_those_that_exist(
    broker: RabbitMQ, url: str, job_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await declare_queues(url, [topology.job_queue(job_type)], wait_sec=BACK_SEC)
    await control(broker, "set_permissions", USER, "", ".*", ".*")
    publisher, recorder = Publisher(url), DoorbellRecorder(url, job_type)
    async with running(publisher.run(), recorder.consumer.run()):
        recorder.consumer.resume()
        await connected(publisher, job_type)
        await until(lambda: recorder.received == ["job-first"])
        recorder.consumer.pause()
        await until(lambda: not recorder.consumer.listening)
        recorder.consumer.resume()
        assert not await publisher.ring_job("missing", "job-1")
        assert not await publisher.ring_job("missing", "job-2")
        await until(lambda: ringing(publisher, job_type, recorder))
        assert gauge("listen") == 1
    (logged,) = events(caplog, "queue.refused")
    assert logged["queue"] == topology.job_queue("missing")
    assert "secretary-init" in logged["action"]
    assert not events(caplog, "broker.lost")


async def test_a_user_that_may_not_write_is_named_and_not_tried_all_the_time(
    broker: RabbitMQ, url: str, job_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = Publisher(url)
    async with running(publisher.run()):
        await connected(publisher, job_type)
        await control(broker, "set_permissions", USER, ".*", "", ".*")
        await control(broker, "close_all_connections", "drill")
        await until(lambda: _rings_in_vain(publisher, job_type, caplog), timeout_sec=BACK_SEC)
        assert "amq.default" in events(caplog, "broker.refused")[0]["reason"]


async def _rings_in_vain(
    publisher: Publisher, job_type: str, caplog: pytest.LogCaptureFixture
) -> bool:
    await publisher.ring_job(job_type, "job-1")
    return bool(events(caplog, "broker.refused"))


async def test_a_rotated_password_is_logged_and_shown_and_doorbells_come_back_after_it(
    broker: RabbitMQ, url: str, job_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "secretary_common")
    publisher, recorder = Publisher(url), DoorbellRecorder(url, job_type)
    async with running(publisher.run(), recorder.consumer.run()):
        recorder.consumer.resume()
        await connected(publisher, job_type)
        await until(lambda: recorder.received == ["job-first"])
        await until(lambda: gauge("listen") == gauge("ring") == 1)
        await control(broker, "change_password", USER, "another")
        await control(broker, "close_all_connections", "rotation")
        await asyncio.sleep(12)
        logged = events(caplog, "broker.refused")
        assert sorted(line["purpose"] for line in logged) == ["listen", "ring"]  # one a minute
        assert all("ACCESS_REFUSED" in line["reason"] for line in logged)
        assert gauge("listen") == gauge("ring") == 0
        assert PASSWORD not in caplog.text
        await control(broker, "change_password", USER, PASSWORD)
        await until(lambda: ringing(publisher, job_type, recorder), timeout_sec=BACK_SEC)
        await until(lambda: gauge("listen") == gauge("ring") == 1)
