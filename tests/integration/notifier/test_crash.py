"""kill -9 at each point of a delivery: the event arrives, with one id and the same bytes."""

import asyncio
import os
import random
import signal
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiohttp import web
from support.notifier_harness import NotifierHarness, Receiver, running_receiver, until
from support.notifier_process import environment, free_port, process

from secretary_common.models import Delivery, DeliveryState, Job

LEASE_SEC = 10.5
"""A lease is the deadline and ten seconds: no other notifier sends before it expires."""
AGAIN_SEC = LEASE_SEC + 20
START_SEC = 60.0
"""A process may take this long to start on a busy machine."""


@asynccontextmanager
async def notifier(
    harness: NotifierHarness, **values: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    env = environment(harness, SECRETARY_NOTIFIER__TIMEOUT_SEC="0.5", **values)
    async with process(env) as running:
        yield running


@contextmanager
def port_without_answer(port: int) -> Iterator[None]:
    """Make a port where connections stay pending, because its queue is full."""
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


async def is_sending(harness: NotifierHarness, job: Job) -> bool:
    found = await harness.delivery(job)
    return found is not None and found.state is DeliveryState.SENDING


async def delivered_again(harness: NotifierHarness, job: Job) -> Delivery:
    async with harness.notifier():
        return await harness.wait_for(job, DeliveryState.DELIVERED, within=AGAIN_SEC)


async def test_after_a_kill_before_the_request_the_next_notifier_sends_the_event(
    harness: NotifierHarness,
) -> None:
    port = free_port()
    job = await harness.insert_job(f"http://127.0.0.1:{port}/hook")
    with port_without_answer(port):
        async with notifier(harness) as running:
            await until(lambda: is_sending(harness, job), within=START_SEC)
            running.kill()
    frozen = await harness.delivery(job)
    assert frozen is not None
    async with running_receiver(port) as receiver:
        await delivered_again(harness, job)
        [hit] = receiver.hits
    assert (hit.delivery_id, hit.body) == (frozen.delivery_id, frozen.body)


async def test_after_a_kill_during_the_request_the_event_arrives_again(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", hang))
    async with notifier(harness) as running:
        await until(lambda: bool(receiver.hits), within=START_SEC)
        running.kill()
    await delivered_again(harness, job)
    assert_one_form(receiver, times=2)


async def test_after_a_kill_between_answer_and_record_the_event_arrives_again(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    """It is stopped before the receiver answers, so it cannot have recorded anything."""
    stopped: list[int] = []

    async def stop_it(_: web.Request) -> web.StreamResponse:
        os.kill(stopped[0], signal.SIGSTOP)
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", stop_it))
    async with notifier(harness) as running:
        stopped.append(running.pid)
        await until(lambda: bool(receiver.hits), within=START_SEC)
        await asyncio.sleep(0.1)  # the answer is in its socket
        running.kill()
    assert await is_sending(harness, job)
    delivery = await delivered_again(harness, job)
    assert len(delivery.attempts) == 1, "the first one was never recorded"
    assert_one_form(receiver, times=2)


async def test_after_a_kill_after_the_record_the_event_is_not_sent_again(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    async with notifier(harness) as running:
        await harness.wait_for(job, DeliveryState.DELIVERED, within=START_SEC)
        running.kill()
    other = await harness.insert_job(receiver.url())
    async with notifier(harness):
        await harness.wait_for(other, DeliveryState.DELIVERED, within=START_SEC)
    assert [hit.delivery_id for hit in receiver.hits].count(f"msg_{job.job_id}_7") == 1


@pytest.mark.drill
async def test_after_many_kills_no_event_is_lost_or_changed(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    """Ten times, at any moment of the relay, the claim, the request and the record."""
    chance = random.Random(7)
    jobs = []
    for number in range(10):
        async with notifier(harness) as running:
            await until(lambda: notifier_is_alive(harness, running.pid), within=START_SEC)
            jobs += [await harness.insert_job(receiver.url(f"/{number}/{n}")) for n in range(5)]
            await asyncio.sleep(chance.random() * 0.15)
            running.kill()
        await harness.store.client.collection("notifiers").delete_many({})
    async with harness.notifier():
        for job in jobs:
            await harness.wait_for(job, DeliveryState.DELIVERED, within=AGAIN_SEC)
    assert {hit.event["process"]["id"] for hit in receiver.hits} == {job.job_id for job in jobs}
    assert_one_form(receiver)


async def notifier_is_alive(harness: NotifierHarness, pid: int) -> bool:
    found = await harness.store.client.collection("notifiers").find_one({"pid": pid})
    return found is not None


def assert_one_form(receiver: Receiver, times: int | None = None) -> None:
    forms = defaultdict(set)
    for hit in receiver.hits:
        forms[hit.delivery_id].add(hit.body)
    assert all(len(bodies) == 1 for bodies in forms.values())
    if times is not None:
        assert len(receiver.hits) == times
