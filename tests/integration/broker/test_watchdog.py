"""The ear and the bell come back by themselves, whatever becomes of the broker."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from support.doorbell_recorder import Subscription, connected, ringing, until, waiting
from support.engine_harness import engine

from secretary_common.broker import topology
from secretary_common.broker.consumer import JobConsumer, RingOutcome
from secretary_common.broker.publisher import PUBLISH_TIMEOUT_SEC, Publisher
from secretary_common.errors import StoreUnavailable
from secretary_common.models import Candidate, Job, JobStatus, Lease
from secretary_common.runtime.lifecycle import running
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_devstack.servers.proxy import Network, Proxy
from secretary_devstack.servers.rabbitmq import RabbitMQ
from secretary_worker import ResourceCalculator, SecretaryJobRepository

# The promise is 15 s once the broker is usable again; as much again for a busy machine.
BACK_SEC = 2 * 15
WATERMARK = "0.4"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker these tests may do to as they like, as long as they make it good again."""
    with RabbitMQ(tmp_path_factory.mktemp("drilled-rabbitmq")) as started:
        yield started


@pytest.fixture
def proxy(broker: RabbitMQ) -> Iterator[Proxy]:
    """The network between us and it."""
    with Network() as network:
        yield network.proxy(broker.port)


@pytest.fixture
def job_type() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
async def channel(broker: RabbitMQ) -> AsyncIterator[AbstractChannel]:
    """A look at the broker from outside."""
    async with await aio_pika.connect(broker.url) as connection:
        yield await connection.channel()


@dataclass
class Scene:
    """A bell and an ear that work."""

    publisher: Publisher
    ear: Subscription
    job_type: str

    async def comes_back(self) -> float:
        """Return when a ring is heard again; seconds it took."""
        started = time.monotonic()
        await until(lambda: ringing(self.publisher, self.job_type, self.ear), timeout_sec=BACK_SEC)
        return time.monotonic() - started


@asynccontextmanager
async def scene(
    url: str, job_type: str, answer: RingOutcome = RingOutcome.CLAIMED
) -> AsyncIterator[Scene]:
    """A bell and an ear at *url*, which have rung and heard once."""
    publisher, ear = Publisher(url), Subscription(url, job_type, answer)
    async with running(publisher.run(), ear.consumer.run()):
        ear.consumer.resume()
        await connected(publisher, job_type)
        await until(lambda: ear.heard == ["job-first"])
        yield Scene(publisher, ear, job_type)


async def control(broker: RabbitMQ, *arguments: str) -> None:
    await asyncio.to_thread(broker.control, *arguments)


async def test_it_comes_back_after_the_broker_was_stopped(broker: RabbitMQ, job_type: str) -> None:
    async with scene(broker.url, job_type) as working:
        await control(broker, "stop_app")
        try:
            await until(lambda: not working.ear.consumer.listening)
            started = time.monotonic()
            assert not await working.publisher.ring_job(job_type, "job-lost")
            assert time.monotonic() - started < 2 * PUBLISH_TIMEOUT_SEC
        finally:
            await control(broker, "start_app")
        await working.comes_back()


async def test_it_comes_back_after_an_operator_closed_all_connections(
    broker: RabbitMQ, job_type: str
) -> None:
    async with scene(broker.url, job_type) as working:
        await control(broker, "close_all_connections", "drill")
        await working.comes_back()


async def test_it_comes_back_from_a_connection_that_swallows_everything(
    broker: RabbitMQ, proxy: Proxy, job_type: str
) -> None:
    url = broker.url.replace(str(broker.port), str(proxy.port))
    async with scene(url, job_type) as working:
        assert await asyncio.to_thread(proxy.make_half_open) == 2
        await working.comes_back()


async def test_a_full_workers_connection_is_watched_too(
    broker: RabbitMQ, proxy: Proxy, job_type: str
) -> None:
    url = broker.url.replace(str(broker.port), str(proxy.port))
    async with scene(url, job_type) as working:
        working.ear.consumer.pause()
        await until(lambda: not working.ear.consumer.listening)
        deaf = await asyncio.to_thread(proxy.client_ports)
        await asyncio.to_thread(proxy.make_half_open)
        await until(lambda: len(proxy.client_ports() - deaf) == 2, timeout_sec=BACK_SEC)
        working.ear.consumer.resume()
        await working.comes_back()


async def test_a_broker_that_lets_nobody_in_is_waited_for(
    broker: RabbitMQ, proxy: Proxy, job_type: str
) -> None:
    url = broker.url.replace(str(broker.port), str(proxy.port))
    async with scene(url, job_type) as working:
        await asyncio.to_thread(proxy.stall)  # those who connect are answered nothing
        await until(lambda: not working.ear.consumer.listening, timeout_sec=BACK_SEC)
        await asyncio.sleep(7)  # a connect that waits in vain, and the next one
        await asyncio.to_thread(proxy.resume)
        await working.comes_back()


async def test_it_comes_back_after_a_memory_alarm(
    broker: RabbitMQ, job_type: str, channel: AbstractChannel
) -> None:
    name = topology.job_queue(job_type)
    dead = await topology.declare(channel, topology.DEAD)
    await dead.purge()
    async with scene(broker.url, job_type) as working:
        working.ear.consumer.pause()
        await until(lambda: not working.ear.consumer.listening)
        await channel.default_exchange.publish(aio_pika.Message(b"nonsense"), routing_key=name)
        await control(broker, "set_vm_memory_high_watermark", "0.0000001")
        try:
            working.ear.consumer.resume()  # the nonsense cannot be dead-lettered now
            started = time.monotonic()
            assert not await working.publisher.ring_job(job_type, "job-lost")
            assert time.monotonic() - started < 2 * PUBLISH_TIMEOUT_SEC
            await asyncio.sleep(6)
        finally:
            await control(broker, "set_vm_memory_high_watermark", WATERMARK)
        await working.comes_back()
        await until(lambda: waiting(channel, topology.DEAD), timeout_sec=BACK_SEC)
        await asyncio.sleep(0.5)
        counted = await channel.declare_queue(topology.DEAD, passive=True)
        # One for each time it was tried under the alarm at most, and it is gone from its queue.
        assert 1 <= (counted.declaration_result.message_count or 0) <= 3
        assert not await waiting(channel, name)


async def test_a_bell_makes_a_queue_again_that_an_operator_deleted(
    broker: RabbitMQ, job_type: str, channel: AbstractChannel
) -> None:
    publisher = Publisher(broker.url)
    async with running(publisher.run()):
        await connected(publisher, job_type)
        await channel.queue_delete(topology.job_queue(job_type))
        await until(lambda: publisher.ring_job(job_type, "job-1"))
        assert await waiting(channel, topology.job_queue(job_type))


async def test_an_ear_whose_queue_is_deleted_while_it_is_full_hears_again(
    broker: RabbitMQ, job_type: str, channel: AbstractChannel
) -> None:
    async with scene(broker.url, job_type) as working:
        working.ear.consumer.pause()
        await until(lambda: not working.ear.consumer.listening)
        await channel.queue_delete(topology.job_queue(job_type))
        working.ear.consumer.resume()
        await working.comes_back()


async def test_an_ear_that_is_given_nothing_any_more_starts_anew(
    broker: RabbitMQ, job_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = JobConsumer._hear
    lost: list[AbstractIncomingMessage] = []

    async def lose_one(self: JobConsumer, ear: object, message: AbstractIncomingMessage) -> None:
        if b"job-lost" in message.body and not lost:
            lost.append(message)  # never acknowledged: the broker gives this ear no more
            return
        await hear(self, ear, message)  # type: ignore[arg-type]

    monkeypatch.setattr(JobConsumer, "_hear", lose_one)
    async with scene(broker.url, job_type) as working:
        await working.publisher.ring_job(job_type, "job-lost")
        await until(lambda: bool(lost))
        await working.comes_back()
        await until(lambda: "job-lost" in working.ear.heard)


async def test_a_ring_given_back_is_not_held_by_an_ear_that_goes_on(
    broker: RabbitMQ, job_type: str
) -> None:
    async with scene(broker.url, job_type) as working:
        ear = working.ear

        async def full_for_a_moment(_: str, job_id: str) -> RingOutcome:
            ear.heard.append(job_id)
            if ear.heard.count(job_id) > 1:
                return RingOutcome.CLAIMED
            asyncio.get_running_loop().call_soon(ear.consumer.resume)
            return RingOutcome.GIVEN_BACK

        ear.consumer._on_ring = full_for_a_moment
        await working.publisher.ring_job(job_type, "job-1")
        await until(lambda: ear.heard.count("job-1") == 2)


async def test_no_doorbell_is_delivered_twice_whatever_comes_of_it(
    broker: RabbitMQ, job_type: str, channel: AbstractChannel
) -> None:
    async with scene(broker.url, job_type, RingOutcome.GONE) as working:
        ear = working.ear

        async def fail(_: str, job_id: str) -> RingOutcome:
            ear.heard.append(job_id)
            raise RuntimeError("nobody foresaw this")

        for n in range(5):
            await working.publisher.ring_job(job_type, f"job-gone-{n}")
        await until(lambda: len(ear.heard) == 6)
        ear.consumer._on_ring = fail
        for n in range(5):
            await working.publisher.ring_job(job_type, f"job-odd-{n}")
        await until(lambda: len(ear.heard) == 11)
        await asyncio.sleep(0.5)
        assert len(ear.heard) == len(set(ear.heard)) == 11
        assert not await waiting(channel, topology.job_queue(job_type))


async def test_while_mongodb_is_away_a_doorbell_stays_where_it_is(
    broker: RabbitMQ, job_type: str, channel: AbstractChannel
) -> None:
    rings: list[str] = []

    class Away(InMemoryJobRepository):
        answers = True

        async def claim(
            self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
        ) -> Job | None:
            rings.append(job_id)
            if not self.answers:
                raise StoreUnavailable
            return await super().claim(job_id, lease, now, job_types)

        async def next_due(self, job_types: Collection[str], now: datetime) -> Candidate | None:
            if not self.answers:
                raise StoreUnavailable
            return await super().next_due(job_types, now)

    async def nothing(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        """Returns at once."""

    store, publisher = Away(), Publisher(broker.url)
    async with (
        running(publisher.run()),
        engine(
            nothing, jobs=store, job_type=job_type, broker_url=broker.url, poll_interval_sec=30
        ) as worker,
    ):
        await until(lambda: worker.manager.consumer.listening)
        store.answers = False
        job_id = await worker.submit(job_type=job_type)
        await until(lambda: publisher.ring_job(job_type, job_id))
        await asyncio.sleep(3)
        assert rings == [job_id]  # heard once, given back, left alone
        assert not worker.manager.consumer.listening
        assert await waiting(channel, topology.job_queue(job_type))
        store.answers = True
        assert (await worker.ended(job_id)).status is JobStatus.COMPLETED
        await until(lambda: worker.manager.consumer.listening)
