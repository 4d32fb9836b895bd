"""kill -9 at each point of a delivery: it arrives, under one id, with the same bytes."""

import asyncio
import os
import random
import signal
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web
from support.notifier_harness import Receiver, Scene, running_receiver, until
from support.notifier_process import environment, free_port, process

from secretary_common.models import Delivery, DeliveryState, Job

LEASE_SEC = 10.5
"""A lease is the deadline and ten seconds: nobody else sends before it has ended."""
AGAIN_SEC = LEASE_SEC + 20
START_SEC = 60.0
"""A process may take this long to start on a busy machine."""


@asynccontextmanager
async def notifier(scene: Scene, **values: str) -> AsyncIterator[asyncio.subprocess.Process]:
    env = environment(scene, SECRETARY_NOTIFIER__TIMEOUT_SEC="0.5", **values)
    async with process(env) as running:
        yield running


@contextmanager
def deaf(port: int) -> Iterator[None]:
    """A port where a connection is begun and never comes about: its queue is full."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.settimeout(0)
                each.connect_ex(("127.0.0.1", port))
            yield
        finally:
            for each in waiting:
                each.close()


async def is_sending(scene: Scene, job: Job) -> bool:
    found = await scene.delivery(job)
    return found is not None and found.state is DeliveryState.SENDING


async def delivered_again(scene: Scene, job: Job) -> Delivery:
    async with scene.notifier():
        return await scene.becomes(job, DeliveryState.DELIVERED, within=AGAIN_SEC)


async def test_killed_before_the_send_it_is_sent_by_the_next(scene: Scene) -> None:
    port = free_port()
    job = await scene.news(f"http://127.0.0.1:{port}/hook")
    with deaf(port):
        async with notifier(scene) as running:
            await until(lambda: is_sending(scene, job), within=START_SEC)
            running.kill()
    frozen = await scene.delivery(job)
    assert frozen is not None
    async with running_receiver(port) as receiver:
        await delivered_again(scene, job)
        [hit] = receiver.hits
    assert (hit.delivery_id, hit.body) == (frozen.delivery_id, frozen.body)


async def test_killed_while_the_receiver_works_it_arrives_again(
    scene: Scene, receiver: Receiver
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    job = await scene.news(receiver.tell("/hook", hang))
    async with notifier(scene) as running:
        await until(lambda: bool(receiver.hits), within=START_SEC)
        running.kill()
    await delivered_again(scene, job)
    assert_one_form(receiver, times=2)


async def test_killed_between_the_answer_and_its_record_it_arrives_again(
    scene: Scene, receiver: Receiver
) -> None:
    """It is stopped before the answer leaves the receiver, so it cannot have recorded anything."""
    stopped: list[int] = []

    async def stop_it(_: web.Request) -> web.StreamResponse:
        os.kill(stopped[0], signal.SIGSTOP)
        return web.Response()

    job = await scene.news(receiver.tell("/hook", stop_it))
    async with notifier(scene) as running:
        stopped.append(running.pid)
        await until(lambda: bool(receiver.hits), within=START_SEC)
        await asyncio.sleep(0.1)  # the answer lies in its socket
        running.kill()
    assert await is_sending(scene, job)
    delivery = await delivered_again(scene, job)
    assert len(delivery.attempts) == 1, "the first one was never recorded"
    assert_one_form(receiver, times=2)


async def test_killed_after_the_record_it_is_not_sent_again(
    scene: Scene, receiver: Receiver
) -> None:
    job = await scene.news(receiver.url())
    async with notifier(scene) as running:
        await scene.becomes(job, DeliveryState.DELIVERED, within=START_SEC)
        running.kill()
    other = await scene.news(receiver.url())
    async with notifier(scene):
        await scene.becomes(other, DeliveryState.DELIVERED, within=START_SEC)
    assert [hit.delivery_id for hit in receiver.hits].count(f"msg_{job.job_id}_7") == 1


async def test_killed_again_and_again_nothing_is_lost_and_nothing_changes(
    scene: Scene, receiver: Receiver
) -> None:
    """Ten times at any moment of the relay, the claim, the send and the record."""
    chance = random.Random(7)
    jobs = []
    for number in range(10):
        async with notifier(scene) as running:
            await until(lambda: notifier_is_alive(scene, running.pid), within=START_SEC)
            jobs += [await scene.news(receiver.url(f"/{number}/{n}")) for n in range(5)]
            await asyncio.sleep(chance.random() * 0.15)
            running.kill()
        await scene.store.client.collection("notifiers").delete_many({})
    async with scene.notifier():
        for job in jobs:
            await scene.becomes(job, DeliveryState.DELIVERED, within=AGAIN_SEC)
    assert {hit.event["process"]["id"] for hit in receiver.hits} == {job.job_id for job in jobs}
    assert_one_form(receiver)


async def notifier_is_alive(scene: Scene, pid: int) -> bool:
    found = await scene.store.client.collection("notifiers").find_one({"pid": pid})
    return found is not None


def assert_one_form(receiver: Receiver, times: int | None = None) -> None:
    forms = defaultdict(set)
    for hit in receiver.hits:
        forms[hit.delivery_id].add(hit.body)
    assert all(len(bodies) == 1 for bodies in forms.values())
    if times is not None:
        assert len(receiver.hits) == times
