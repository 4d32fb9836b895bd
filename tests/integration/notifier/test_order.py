"""Order within a job, several notifiers, and notifiers that died."""

import asyncio
from collections import Counter

from aiohttp import web
from support.notifier_harness import NotifierHarness, Receiver, running_receiver, until

from secretary_common.broker.publisher import Publisher
from secretary_common.jobs.outbox import relay
from secretary_common.models import (
    DeliveryState,
    JobProgress,
    Lease,
    NotifySlot,
    OvertakenProgress,
    Phase,
)

DELIVERED = DeliveryState.DELIVERED


async def test_a_failing_progress_is_dropped_when_the_job_ends(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    """The terminal event does not wait for the retry of the progress, and no event follows it."""
    job = await harness.insert_job(receiver.script("/hook", 500), Phase.PROCESSING, seq=3)
    async with harness.notifier():
        await until(lambda: len(receiver.hits) == 1)
        await harness.add_event(job, Phase.COMPLETED, 5)
        await harness.wait_for(job, DELIVERED, seq=5, within=1.5)
        await harness.wait_for(job, DeliveryState.DROPPED, seq=3)
    assert [hit.event["seq"] for hit in receiver.hits] == [3, 5]


async def test_a_terminal_event_waits_for_the_progress_in_flight(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    finished: list[float] = []

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        finished.append(asyncio.get_running_loop().time())
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", slow), Phase.PROCESSING, seq=3)
    async with harness.notifier(poll_interval_sec=5):
        await until(lambda: len(receiver.hits) == 1)
        await harness.add_event(job, Phase.COMPLETED, 5)
        async with harness.notifier(poll_interval_sec=5):
            await harness.wait_for(job, DELIVERED, seq=5, within=3)
    first, second = receiver.hits
    assert [first.event["seq"], second.event["seq"]] == [3, 5]
    assert second.at >= finished[0]


async def test_an_event_older_than_the_last_is_never_sent(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    """This holds for a notifier that stalled between reading the slot and relaying it."""
    stale = await harness.insert_job(receiver.url(), Phase.PROCESSING, seq=3)
    await harness.add_event(stale, Phase.COMPLETED, 5)
    async with harness.notifier():
        await harness.wait_for(stale, DELIVERED, seq=5)
        await relay(
            stale,
            harness.store.jobs,
            harness.store.deliveries,
            harness.later(0),
            "https://x.example",
        )
        await harness.wait_for(stale, DeliveryState.DROPPED, seq=3)
    assert [hit.event["seq"] for hit in receiver.hits] == [5]


async def test_a_short_job_sends_its_progress_and_then_its_end(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    now = harness.later(0)
    overtaken = OvertakenProgress(seq=6, at=now, progress=JobProgress(percent=30))
    slot = NotifySlot(seq=7, run=1, phase=Phase.COMPLETED, due_at=now, overtaken=overtaken)
    jobs = [await harness.insert_job(receiver.url(), notify=slot) for _ in range(20)]
    async with harness.notifier(poll_interval_sec=30), harness.notifier(poll_interval_sec=30):
        for job in jobs:
            await harness.wait_for(job, DELIVERED, within=20)
    for job in jobs:
        ids = [hit.delivery_id for hit in receiver.hits if job.job_id in hit.delivery_id]
        assert ids == [f"msg_{job.job_id}_6", f"msg_{job.job_id}_7"]


async def test_the_end_of_a_short_job_waits_for_no_second_attempt_of_its_progress(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    now = harness.later(0)
    overtaken = OvertakenProgress(seq=6, at=now, progress=JobProgress(percent=30))
    slot = NotifySlot(seq=7, run=1, phase=Phase.COMPLETED, due_at=now, overtaken=overtaken)
    job = await harness.insert_job(receiver.script("/hook", 500), notify=slot)
    async with harness.notifier(poll_interval_sec=30):
        await harness.wait_for(job, DELIVERED, within=4)
        await harness.wait_for(job, DeliveryState.DROPPED, seq=6)
    assert [hit.event["seq"] for hit in receiver.hits] == [6, 7]


async def test_a_failure_of_an_earlier_run_is_superseded(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.script("/hook", 500, 500), Phase.FAILED, seq=3)
    async with harness.notifier(retry_schedule_sec=[0, 1, 1]):
        await until(lambda: len(receiver.hits) == 1)
        await harness.add_event(job, Phase.PROCESSING, 5)  # the next run is under way
        kept = await harness.wait_for(job, DeliveryState.SUPERSEDED, seq=3)
    assert len(receiver.hits) == 2, "the failure once, the progress once"
    assert len(kept.attempts) == 1


async def test_two_notifiers_deliver_each_event_once(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    jobs = [await harness.insert_job(receiver.url(f"/hook/{number % 5}")) for number in range(60)]
    async with harness.notifier(), harness.notifier():
        for job in jobs:
            await harness.wait_for(job, DELIVERED, within=20)
    counts = Counter(hit.delivery_id for hit in receiver.hits)
    assert counts == {f"msg_{job.job_id}_7": 1 for job in jobs}


async def test_an_abandoned_delivery_is_sent_by_another_with_the_same_bytes(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    made = await relay(
        job, harness.store.jobs, harness.store.deliveries, harness.later(0), "https://x.example"
    )
    assert made is not None
    dead = Lease(owner="died", token="died", expires_at=harness.later(0.7))
    assert any(await harness.store.deliveries.claim([made.delivery_id], dead, harness.later(0)))
    async with harness.notifier(poll_interval_sec=30):
        await harness.wait_for(job, DELIVERED, within=3)
        assert harness.later(0) >= dead.expires_at
    [hit] = receiver.hits
    assert (hit.delivery_id, hit.body) == (made.delivery_id, made.body)


async def test_an_abandoned_progress_delays_the_terminal_event_by_one_lease_at_most(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url(), Phase.PROCESSING, seq=3)
    made = await relay(
        job, harness.store.jobs, harness.store.deliveries, harness.later(0), "https://x.example"
    )
    assert made is not None
    dead = Lease(owner="died", token="died", expires_at=harness.later(0.7))
    assert any(await harness.store.deliveries.claim([made.delivery_id], dead, harness.later(0)))
    await harness.add_event(job, Phase.COMPLETED, 5)
    async with harness.notifier():
        await harness.wait_for(job, DELIVERED, seq=5, within=3)
        await harness.wait_for(job, DeliveryState.DROPPED, seq=3)
    assert [hit.event["seq"] for hit in receiver.hits] == [5]


async def test_a_hanging_receiver_does_not_delay_others(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with running_receiver() as hanging:
        hanging.script("/hook", *[hang] * 40)
        for _ in range(20):
            await harness.insert_job(hanging.url())
        async with harness.notifier(max_in_flight=8, per_origin=4, timeout_sec=3):
            await until(lambda: len(hanging.hits) == 4)
            healthy = [await harness.insert_job(receiver.url()) for _ in range(20)]
            for job in healthy:
                await harness.wait_for(job, DELIVERED, within=2.5)
            assert len(hanging.hits) == 4


async def test_a_doorbell_is_enough_to_deliver_at_once(
    harness: NotifierHarness, receiver: Receiver, amqp_url: str
) -> None:
    publisher = Publisher(amqp_url)
    ringing = asyncio.create_task(publisher.run())
    first = await harness.insert_job(receiver.url())
    async with harness.notifier(amqp_url=amqp_url, poll_interval_sec=60):
        await harness.wait_for(
            first, DELIVERED
        )  # found by the first poll; the next poll is far away

        async def rings() -> bool:
            return await publisher.ring_delivery(job.job_id, 7)

        job = await harness.insert_job(receiver.url())
        await until(rings)
        await harness.wait_for(job, DELIVERED, within=20)
    ringing.cancel()
    await asyncio.gather(ringing, return_exceptions=True)
