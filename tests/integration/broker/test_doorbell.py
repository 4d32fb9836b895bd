"""The doorbell over a real RabbitMQ: received once, given back, dead-lettered, reconnected."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelPreconditionFailed
from prometheus_client import REGISTRY
from support.doorbell_recorder import (
    DEADLINE_SEC,
    DoorbellRecorder,
    connected,
    ringing,
    until,
    waiting,
)

from secretary_common.broker import topology
from secretary_common.broker.delivery_consumer import DeliveryConsumer
from secretary_common.broker.message import RingOutcome
from secretary_common.broker.preparation import declare_queues
from secretary_common.broker.publisher import PUBLISH_TIMEOUT_SEC, SHARED_BY, Publisher
from secretary_common.errors import StoreUnavailable
from secretary_common.runtime.lifecycle import running
from secretary_devstack.servers.port import free_port
from secretary_devstack.servers.rabbitmq.node import RabbitMQ


@pytest.fixture
def job_type() -> str:
    """A new job type for each test, and with it a new queue."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of the test's own."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel()


@pytest.fixture
async def consumed(
    amqp_url: str, job_type: str
) -> AsyncIterator[tuple[Publisher, DoorbellRecorder]]:
    """A publisher and a recorder of its rings; the first ring was for ``job-first``."""
    publisher, recorder = Publisher(amqp_url), DoorbellRecorder(amqp_url, job_type)
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        recorder.consumer.resume()
        yield publisher, recorder


async def test_a_ring_is_received_once_and_leaves_the_queue(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), DoorbellRecorder(amqp_url, job_type)
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        recorder.consumer.resume()
        await publisher.ring_job(job_type, "job-1")
        await until(lambda: recorder.received == ["job-first", "job-1"])
        await asyncio.sleep(0.2)
        assert not await waiting(channel, topology.job_queue(job_type))
    assert recorder.received == ["job-first", "job-1"]


async def test_jobs_that_are_rung_for_at_the_same_moment_share_messages(
    consumed: tuple[Publisher, DoorbellRecorder], job_type: str
) -> None:
    publisher, recorder = consumed
    ids = [f"job-{n}" for n in range(3 * SHARED_BY)]
    assert all(await asyncio.gather(*(publisher.ring_job(job_type, one) for one in ids)))
    await publisher.ring_job(job_type, "job-last")
    await until(lambda: "job-last" in recorder.received)
    assert recorder.received == ["job-first", *ids[::SHARED_BY], "job-last"]
    assert recorder.shared == ids[::SHARED_BY]


async def test_a_ring_for_a_job_and_those_behind_it_tells_the_worker_to_look_for_all(
    consumed: tuple[Publisher, DoorbellRecorder], job_type: str
) -> None:
    publisher, recorder = consumed
    assert await publisher.ring_job(job_type, "job-1", shared=True)
    await publisher.ring_job(job_type, "job-2")
    await until(lambda: "job-2" in recorder.received)
    assert recorder.shared == ["job-1"]


async def test_a_worker_answers_as_many_doorbells_at_once_as_it_has_slots(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher = Publisher(amqp_url)
    recorder = DoorbellRecorder(amqp_url, job_type, slots=3)
    answer = asyncio.Event()

    async def wait(_: str) -> RingOutcome:
        await answer.wait()
        return RingOutcome.CLAIMED

    recorder.respond = wait
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        for n in range(4):
            await publisher.ring_job(job_type, f"job-{n}")
        recorder.consumer.resume()
        await until(lambda: len(recorder.received) == 3)
        assert await waiting(channel, topology.job_queue(job_type))
        answer.set()
        await until(lambda: recorder.received == ["job-first", *(f"job-{n}" for n in range(4))])


async def test_no_message_is_consumed_before_a_slot_is_free(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), DoorbellRecorder(amqp_url, job_type)
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        await asyncio.sleep(0.3)
        assert recorder.received == []
        assert await waiting(channel, topology.job_queue(job_type))


async def test_an_idle_worker_never_waits_behind_a_full_one(amqp_url: str, job_type: str) -> None:
    publisher = Publisher(amqp_url)
    full, idle = (
        DoorbellRecorder(amqp_url, job_type, RingOutcome.GIVEN_BACK),
        DoorbellRecorder(amqp_url, job_type),
    )
    async with running(publisher.run()), running(full.consumer.run()):
        await connected(publisher, job_type)
        full.consumer.resume()
        await until(lambda: full.received != [])
        async with running(idle.consumer.run()):
            idle.consumer.resume()
            await until(lambda: idle.received == ["job-first"])
            assert full.received == ["job-first"]
            assert not full.consumer.listening


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"job_id": 5}', b'{"job_id": ""}'])
async def test_a_message_that_cannot_be_parsed_is_dead_lettered(
    amqp_url: str, job_type: str, channel: AbstractChannel, body: bytes
) -> None:
    name = topology.job_queue(job_type)
    recorder = DoorbellRecorder(amqp_url, job_type)
    dead = await topology.declare(channel, topology.DEAD)
    await dead.purge()
    async with running(recorder.consumer.run()):
        recorder.consumer.resume()
        await until(lambda: recorder.consumer.listening)
        await channel.default_exchange.publish(aio_pika.Message(body), routing_key=name)
        await until(lambda: counted_dead(name))  # acknowledged, not only copied
        letter = await dead.get()
    assert letter.body == body
    assert letter.headers["queue"] == name
    await letter.ack()
    assert recorder.received == []
    assert not await waiting(channel, name)


def counted_dead(queue: str) -> bool:
    labels = {"queue": queue, "outcome": RingOutcome.DEAD_LETTERED}
    return REGISTRY.get_sample_value("secretary_doorbells_heard_total", labels) == 1


async def test_a_consumer_that_the_broker_cancelled_consumes_again(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), DoorbellRecorder(amqp_url, job_type)
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        recorder.consumer.resume()
        await until(lambda: recorder.received == ["job-first"])
        await channel.queue_delete(topology.job_queue(job_type))
        await until(lambda: ringing(publisher, job_type, recorder))


async def test_rings_arrive_again_after_the_broker_was_killed(
    own_broker: RabbitMQ, job_type: str
) -> None:
    publisher, recorder = Publisher(own_broker.url), DoorbellRecorder(own_broker.url, job_type)
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        recorder.consumer.resume()
        await until(lambda: recorder.received == ["job-first"])
        await asyncio.to_thread(own_broker.kill)
        started = time.monotonic()
        assert not await publisher.ring_job(job_type, "job-lost")
        assert time.monotonic() - started < 2 * PUBLISH_TIMEOUT_SEC
        await asyncio.to_thread(own_broker.start)
        await until(lambda: ringing(publisher, job_type, recorder), timeout_sec=2 * 15)


async def test_without_a_broker_rings_return_false_and_consumers_end_at_once() -> None:
    publisher, recorder = Publisher(""), DoorbellRecorder("", "pdf")
    await publisher.run()
    await recorder.consumer.run()
    assert not await publisher.ring_job("pdf", "job-1")


async def test_a_ring_for_deliveries_is_kept_until_the_store_answers(amqp_url: str) -> None:
    publisher = Publisher(amqp_url)
    mine = f"job-{uuid.uuid4()}"
    calls: list[str] = []

    async def on_delivery(job_id: str) -> None:
        if job_id == mine:
            calls.append(job_id)
            if len(calls) == 1:
                raise StoreUnavailable

    consumer = DeliveryConsumer(amqp_url, max_in_flight=4)
    async with running(publisher.run()), running(consumer.listen(on_delivery)):
        await until(lambda: publisher.ring_delivery(mine, 1))
        await until(lambda: len(calls) == 2)


async def test_rings_for_slots_share_one_message_and_each_is_confirmed(amqp_url: str) -> None:
    publisher = Publisher(amqp_url)
    mine = [f"job-{uuid.uuid4()}" for _ in range(20)]
    received: list[str] = []

    async def on_delivery(job_id: str) -> None:
        received.append(job_id)

    consumer = DeliveryConsumer(amqp_url, max_in_flight=4)
    async with running(publisher.run()), running(consumer.listen(on_delivery)):
        await until(lambda: publisher.ring_delivery("job-first", 1))
        assert all(await asyncio.gather(*(publisher.ring_slot(job_id, 1) for job_id in mine)))
        await publisher.ring_delivery("job-last", 1)
        await until(lambda: "job-last" in received)
    assert [job_id for job_id in received if job_id in mine] == mine[-1:]


async def test_queues_are_created_in_advance_unless_the_broker_is_unreachable(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    name = topology.job_queue(job_type)
    assert await declare_queues(amqp_url, [name], wait_sec=DEADLINE_SEC)
    assert not await waiting(channel, name)
    nowhere = f"amqp://127.0.0.1:{free_port()}/,amqp://127.0.0.1:{free_port()}/"
    assert not await declare_queues(nowhere, [name], wait_sec=0.3)


async def test_the_type_of_a_queue_is_that_of_the_setting(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    name = topology.job_queue(job_type)
    assert await declare_queues(amqp_url, [name], wait_sec=DEADLINE_SEC, queue_type="classic")
    await topology.declare(channel, name, "classic")
    with pytest.raises(ChannelPreconditionFailed):
        await topology.declare(channel, name, "quorum")


async def test_a_doorbell_reaches_a_broker_of_which_only_one_node_answers(
    amqp_url: str, job_type: str
) -> None:
    nodes = [f"amqp://127.0.0.1:{free_port()}/", amqp_url, f"amqp://127.0.0.1:{free_port()}/"]
    publisher = Publisher(", ".join(nodes))
    async with running(publisher.run()):
        await until(lambda: publisher.ring_job(job_type, "job-1"))
