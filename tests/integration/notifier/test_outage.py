"""The broker stops, MongoDB fails over: the notifier recovers without help."""

import asyncio
from pathlib import Path

from support.notifier_harness import NotifierHarness, Receiver, running_harness, until
from support.notifier_process import environment, process, stderr_line

from secretary_common.broker.publisher import Publisher
from secretary_common.models import DeliveryState, Job
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.rabbitmq.node import RabbitMQ

DELIVERED = DeliveryState.DELIVERED


async def test_the_notifier_polls_without_its_broker_and_reconnects_to_it(
    harness: NotifierHarness, receiver: Receiver, own_broker: RabbitMQ
) -> None:
    publisher = Publisher(own_broker.url)
    ringing = asyncio.create_task(publisher.run())
    quick = {"SECRETARY_BROKER__URL": own_broker.url, "SECRETARY_NOTIFIER__POLL_INTERVAL_SEC": "2"}
    async with process(environment(harness, **quick)) as running:
        await stderr_line(running, "notifier.started")
        await asyncio.to_thread(own_broker.stop)
        lost = await harness.insert_job(receiver.url("/polled"))
        await harness.wait_for(lost, DELIVERED, within=30)
        await asyncio.to_thread(own_broker.start)
        await until(lambda: publisher.ring_delivery(lost.job_id, 7), within=30)
        job = await harness.insert_job(receiver.url("/rung"))
        await publisher.ring_delivery(job.job_id, 7)
        await harness.wait_for(job, DELIVERED, within=30)
    ringing.cancel()
    await asyncio.gather(ringing, return_exceptions=True)
    assert len(receiver.hits) == 2


async def test_when_mongodb_fails_over_every_event_arrives(
    receiver: Receiver, tmp_path: Path
) -> None:
    with ReplicaSet(tmp_path, size=3, election_timeout_ms=2000) as mongo:
        async with (
            running_harness(mongo.url, "failover") as harness,
            process(environment(harness)) as running,
        ):
            await stderr_line(running, "notifier.started")
            jobs = [await harness.insert_job(receiver.url(f"/{number}")) for number in range(10)]
            first = await asyncio.to_thread(mongo.primary)
            await asyncio.to_thread(first.kill)
            await asyncio.to_thread(mongo.primary)
            jobs += [await eventually_insert_job(harness, receiver) for _ in range(10)]
            for job in jobs:
                await harness.wait_for(job, DELIVERED, within=40)
    assert {hit.event["process"]["id"] for hit in receiver.hits} >= {job.job_id for job in jobs}


async def eventually_insert_job(harness: NotifierHarness, receiver: Receiver) -> Job:
    made: list[Job] = []

    async def insert() -> bool:
        try:
            made.append(await harness.insert_job(receiver.url("/after")))
        except Exception:  # noqa: BLE001 - the driver is still finding the new primary
            return False
        return True

    await until(insert, within=30)
    return made[0]
