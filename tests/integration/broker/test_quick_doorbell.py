"""Quick doorbells over a real RabbitMQ: they come first, and nothing depends on them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from support.doorbell_recorder import connected, until, waiting

from secretary_common.broker import topology
from secretary_common.broker.delivery_consumer import DeliveryConsumer
from secretary_common.broker.job_consumer import FOLLOWS_WITHIN_SEC, JobConsumer
from secretary_common.broker.message import RingOutcome
from secretary_common.broker.publisher import Publisher
from secretary_common.broker.rings import QUIET_SEC
from secretary_common.errors import StoreUnavailable
from secretary_common.runtime.lifecycle import running


class QuickRecorder:
    """Consumes both doorbells of a job type and records them in the order of their arrival."""

    def __init__(self, url: str, job_type: str) -> None:
        self.received: list[tuple[str, str]] = []
        self.seconds = 0.0
        self.claims_quickly = True
        self.consumer = JobConsumer(
            url,
            [job_type],
            self._on_ring,
            on_quick_ring=self._on_quick,
            monotonic=lambda: self.seconds,
        )

    async def _on_ring(self, _: str, job_id: str) -> RingOutcome:
        self.received.append(("stored", job_id))
        return RingOutcome.CLAIMED

    async def _on_quick(self, _: str, job_id: str) -> RingOutcome:
        self.received.append(("quick", job_id))
        return RingOutcome.CLAIMED if self.claims_quickly else RingOutcome.GONE

    def kinds_of(self, job_id: str) -> list[str]:
        """Return the kinds of the doorbells that have arrived for a job."""
        return [kind for kind, one in self.received if one == job_id]

    def has_received(self, kind: str, job_id: str) -> bool:
        """Return whether this doorbell has arrived."""
        return (kind, job_id) in self.received


@pytest.fixture
def job_type() -> str:
    """A new job type for each test, and with it new queues."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of the test's own."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel()


async def consuming(channel: AbstractChannel, name: str) -> bool:
    """Return whether the queue exists and has a consumer."""
    try:
        found = await channel.declare_queue(name, passive=True)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        await channel.reopen()
        return False
    return bool(found.declaration_result.consumer_count)


async def test_a_job_that_a_quick_doorbell_has_claimed_is_not_answered_again(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), QuickRecorder(amqp_url, job_type)
    quick = topology.quick_queue(topology.job_queue(job_type))
    async with running(publisher.run()), running(recorder.consumer.run()):
        recorder.consumer.resume()
        await connected(publisher, job_type)
        await until(lambda: consuming(channel, quick))
        assert await publisher.ring_job(job_type, "job-1")
        await until(lambda: recorder.has_received("quick", "job-1"))
        await asyncio.gather(*(publisher.ring_job(job_type, one) for one in ("job-2", "job-3")))
        await until(lambda: recorder.has_received("stored", "job-2"))
        assert not await waiting(channel, topology.job_queue(job_type))
    assert not recorder.has_received("stored", "job-1")


async def test_an_announced_job_has_one_quick_doorbell_and_a_stored_one_once_it_is_rung_for(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), QuickRecorder(amqp_url, job_type)
    recorder.claims_quickly = False  # as if the announcement comes before the job
    quick = topology.quick_queue(topology.job_queue(job_type))
    async with running(publisher.run()), running(recorder.consumer.run()):
        recorder.consumer.resume()
        await connected(publisher, job_type)
        await until(lambda: consuming(channel, quick))
        assert await publisher.announce_job(job_type, "job-1")
        await until(lambda: recorder.has_received("quick", "job-1"))
        assert not recorder.has_received("stored", "job-1")
        await asyncio.sleep(2 * QUIET_SEC)  # the ring would be single without the announcement
        assert await publisher.ring_job(job_type, "job-1", announced=True)
        await until(lambda: recorder.has_received("stored", "job-1"))
    assert recorder.kinds_of("job-1") == ["quick", "stored"]


async def test_without_a_broker_nothing_is_announced(job_type: str) -> None:
    assert not await Publisher("").announce_job(job_type, "job-1")


async def test_a_later_doorbell_of_a_job_that_a_quick_one_claimed_is_answered(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    recorder, queue = QuickRecorder(amqp_url, job_type), topology.job_queue(job_type)
    quick = topology.quick_queue(queue)
    body = topology.encode("job_id", "job-1")
    async with running(recorder.consumer.run()):
        recorder.consumer.resume()
        await until(lambda: consuming(channel, queue))
        await until(lambda: consuming(channel, quick))
        await channel.default_exchange.publish(aio_pika.Message(body), quick)
        await until(lambda: recorder.has_received("quick", "job-1"))
        # The other doorbell of that claim went to another worker. The job waits again, and the
        # quick doorbell that says so was dropped.
        recorder.seconds += 2 * FOLLOWS_WITHIN_SEC
        follower = aio_pika.Message(body, headers={topology.HAS_QUICK: True})
        await channel.default_exchange.publish(follower, queue)
        await until(lambda: recorder.has_received("stored", "job-1"))


async def test_rings_of_the_same_moment_send_no_quick_doorbells(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), QuickRecorder(amqp_url, job_type)
    quick = topology.quick_queue(topology.job_queue(job_type))
    async with running(publisher.run()), running(recorder.consumer.run()):
        recorder.consumer.resume()
        await connected(publisher, job_type)
        await until(lambda: consuming(channel, quick))
        ids = [f"job-{n}" for n in range(9)]
        assert all(await asyncio.gather(*(publisher.ring_job(job_type, one) for one in ids)))
        await asyncio.sleep(QUIET_SEC)
        await publisher.ring_job(job_type, "job-last")
        await until(lambda: recorder.has_received("quick", "job-last"))
    assert not [one for kind, one in recorder.received if kind == "quick" and one in ids]


async def test_a_worker_without_a_free_slot_ignores_quick_doorbells(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    publisher, recorder = Publisher(amqp_url), QuickRecorder(amqp_url, job_type)
    quick = topology.quick_queue(topology.job_queue(job_type))
    async with running(publisher.run()), running(recorder.consumer.run()):
        await connected(publisher, job_type)
        await until(lambda: consuming(channel, quick))
        assert await publisher.ring_job(job_type, "job-1")
        await until(lambda: waiting(channel, topology.job_queue(job_type)))
        recorder.consumer.resume()
        await until(lambda: recorder.has_received("stored", "job-1"))
    assert not recorder.has_received("quick", "job-1")


async def test_without_a_consumer_a_quick_doorbell_is_dropped_and_the_ring_is_confirmed(
    amqp_url: str, job_type: str
) -> None:
    publisher = Publisher(amqp_url)
    async with running(publisher.run()):
        await connected(publisher, job_type)
        assert await publisher.ring_job(job_type, "job-1")
        assert await publisher.ring_job(job_type, "job-2")


async def test_doorbells_arrive_although_the_quick_queue_is_refused(
    amqp_url: str, job_type: str, channel: AbstractChannel
) -> None:
    quick = topology.quick_queue(topology.job_queue(job_type))
    await channel.declare_queue(quick, durable=True)  # with other arguments
    publisher, recorder = Publisher(amqp_url), QuickRecorder(amqp_url, job_type)
    async with running(publisher.run()), running(recorder.consumer.run()):
        recorder.consumer.resume()
        await connected(publisher, job_type)
        await publisher.ring_job(job_type, "job-1")
        await until(lambda: recorder.has_received("stored", "job-1"))
    assert not recorder.has_received("quick", "job-1")
    await channel.queue_delete(quick)


@pytest.mark.parametrize("fails", [False, True])
async def test_the_doorbell_after_a_quick_one_calls_again_only_if_the_first_call_failed(
    amqp_url: str, channel: AbstractChannel, *, fails: bool
) -> None:
    publisher, mine = Publisher(amqp_url), f"job-{uuid.uuid4()}"
    calls: list[str] = []

    async def on_delivery(job_id: str) -> None:
        calls.append(job_id)
        if fails and calls.count(mine) == 1 and job_id == mine:
            raise StoreUnavailable

    consumer = DeliveryConsumer(amqp_url, max_in_flight=4)
    quick = topology.quick_queue(topology.DELIVERIES)
    async with running(publisher.run()), running(consumer.listen(on_delivery)):
        await until(lambda: publisher.ring_delivery("job-first", 1))
        await until(lambda: consuming(channel, quick))
        await publisher.ring_slot(mine, 1)
        await until(lambda: calls.count(mine) == (2 if fails else 1))
        await publisher.ring_delivery("job-last", 1)
        await until(lambda: "job-last" in calls)
    assert calls.count(mine) == (2 if fails else 1)
