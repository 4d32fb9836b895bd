"""The broker stops, MongoDB fails over: the notifier goes on by itself."""

import asyncio
from pathlib import Path

from support.notifier_harness import Receiver, Scene, running_scene, until
from support.notifier_process import environment, process, stderr_line

from secretary_common.broker.publisher import Publisher
from secretary_common.models import DeliveryState, Job
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.rabbitmq import RabbitMQ

DELIVERED = DeliveryState.DELIVERED


async def test_without_its_broker_it_polls_and_hears_it_again_when_it_is_back(
    scene: Scene, receiver: Receiver, own_broker: RabbitMQ
) -> None:
    publisher = Publisher(own_broker.url)
    ringing = asyncio.create_task(publisher.run())
    quick = {"SECRETARY_BROKER__URL": own_broker.url, "SECRETARY_NOTIFIER__POLL_INTERVAL_SEC": "2"}
    async with process(environment(scene, **quick)) as running:
        await stderr_line(running, "notifier.started")
        await asyncio.to_thread(own_broker.stop)
        lost = await scene.news(receiver.url("/polled"))
        await scene.becomes(lost, DELIVERED, within=30)
        await asyncio.to_thread(own_broker.start)
        await until(lambda: publisher.ring_delivery(lost.job_id, 7), within=30)
        job = await scene.news(receiver.url("/rung"))
        await publisher.ring_delivery(job.job_id, 7)
        await scene.becomes(job, DELIVERED, within=30)
    ringing.cancel()
    await asyncio.gather(ringing, return_exceptions=True)
    assert len(receiver.hits) == 2


async def test_when_mongodb_fails_over_every_event_arrives(
    receiver: Receiver, tmp_path: Path
) -> None:
    with ReplicaSet(tmp_path, size=3, election_timeout_ms=2000) as mongo:
        async with (
            running_scene(mongo.url, "failover") as scene,
            process(environment(scene)) as running,
        ):
            await stderr_line(running, "notifier.started")
            jobs = [await scene.news(receiver.url(f"/{number}")) for number in range(10)]
            first = await asyncio.to_thread(mongo.primary)
            await asyncio.to_thread(first.kill)
            await asyncio.to_thread(mongo.primary)
            jobs += [await eventually_news(scene, receiver) for _ in range(10)]
            for job in jobs:
                await scene.becomes(job, DELIVERED, within=40)
    assert {hit.event["process"]["id"] for hit in receiver.hits} >= {job.job_id for job in jobs}


async def eventually_news(scene: Scene, receiver: Receiver) -> Job:
    made: list[Job] = []

    async def insert() -> bool:
        try:
            made.append(await scene.news(receiver.url("/after")))
        except Exception:  # noqa: BLE001 - the driver is still finding the new primary
            return False
        return True

    await until(insert, within=30)
    return made[0]
