"""What one receiver does is nobody else's trouble; what a person asks for happens."""

import asyncio

from aiohttp import web
from support.notifier_harness import CIPHER, Receiver, Scene, running_receiver, until

from secretary_common.jobs.outbox import trial_delivery
from secretary_common.models import DeliveryState, Phase

DELIVERED, DEAD, PENDING = DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.PENDING


async def test_ten_failures_open_the_breaker_and_waiting_costs_no_attempt(
    scene: Scene, receiver: Receiver
) -> None:
    async with running_receiver() as broken:
        broken.tell("/hook", *[500] * 100)
        async with scene.notifier(retry_schedule_sec=[0, 60, 60], per_origin=1, timeout_sec=10):
            jobs = [await scene.news(broken.url()) for _ in range(15)]
            await until(lambda: len(broken.hits) == 10)
            healthy = await scene.news(receiver.url())
            await scene.becomes(healthy, DELIVERED)
            await asyncio.sleep(0.5)
        assert len(broken.hits) == 10
    deliveries = [await scene.delivery(job) for job in jobs]
    assert sorted(len(each.attempts) for each in deliveries if each) == [0] * 5 + [1] * 10
    assert {each.state for each in deliveries if each} == {PENDING}


async def test_what_one_origin_has_waiting_is_sent_without_waiting_for_a_look(
    scene: Scene, receiver: Receiver
) -> None:
    """More than a notifier keeps in memory of one origin: it goes on as soon as there is room."""
    jobs = [await scene.news(receiver.url()) for _ in range(150)]
    async with scene.notifier(per_origin=1, poll_interval_sec=600):
        await until(lambda: len(receiver.hits) == len(jobs), within=60)
    assert len({hit.delivery_id for hit in receiver.hits}) == len(jobs)


async def test_new_events_are_not_behind_retries(scene: Scene, receiver: Receiver) -> None:
    async def slow_failure(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.Response(status=404)

    receiver.tell("/failing", *[slow_failure] * 200)
    for _ in range(20):
        await scene.news(receiver.url("/failing"))
    async with scene.notifier(per_origin=2, retry_schedule_sec=[0, *[0.1] * 50]):
        await until(lambda: len(receiver.hits) >= 24, within=10)
        fresh = await scene.news(receiver.url("/fresh"))
        await scene.becomes(fresh, DELIVERED, within=2)


async def test_gone_silences_a_url_until_a_resend_is_delivered(
    scene: Scene, receiver: Receiver
) -> None:
    gone = await scene.news(receiver.tell("/gone", 410))
    async with scene.notifier():
        await scene.becomes(gone, DEAD)
        muted = await scene.news(receiver.url("/gone"))
        ended = await scene.becomes(muted, DEAD)
        assert (ended.attempts, len(receiver.hits)) == ([], 1)
        elsewhere = await scene.news(receiver.url("/elsewhere"))
        await scene.becomes(elsewhere, DELIVERED)

        assert await scene.store.deliveries.resend(ended.delivery_id, scene.later(0))
        again = await scene.becomes(muted, DELIVERED)
        assert again.body == ended.body
        later = await scene.news(receiver.url("/gone"))
        await scene.becomes(later, DELIVERED)


async def test_the_dead_of_an_outage_are_recovered(scene: Scene, receiver: Receiver) -> None:
    receiver.tell("/hook", *[500] * 3)
    jobs = [await scene.news(receiver.url()) for _ in range(3)]
    async with scene.notifier(retry_schedule_sec=[0]):
        for job in jobs:
            await scene.becomes(job, DEAD)
        now = scene.later(0)
        span = (scene.later(-60), scene.later(60))
        assert await scene.store.deliveries.recover(*span, now, owner="key-1") == 3
        for job in jobs:
            await scene.becomes(job, DELIVERED)


async def test_a_test_is_sent_even_where_the_breaker_is_open(
    scene: Scene, receiver: Receiver
) -> None:
    receiver.tell("/hook", *[500] * 10)
    async with scene.notifier(retry_schedule_sec=[0, 60], per_origin=1, timeout_sec=10):
        for _ in range(12):
            await scene.news(receiver.url())
        await until(lambda: len(receiver.hits) == 10)
        trial = trial_delivery(
            receiver.url("/trial/{jobId}"),
            owner="key-1",
            now=scene.later(0),
            token=CIPHER.seal("tok-123"),
        )
        await scene.store.deliveries.insert_absent([trial])

        async def has_ended() -> bool:
            found = await scene.store.deliveries.get(trial.delivery_id)
            return found is not None and found.state is DELIVERED

        await until(has_ended)
    [hit] = receiver.at(f"/trial/{trial.job_id}")
    assert (hit.event["phase"], hit.event["job"]["id"]) == ("test", trial.job_id)
    assert hit.headers["authorization"] == "Bearer tok-123"
    assert "webhook-signature" in hit.headers


async def test_notifiers_say_that_they_live_and_when_they_leave(scene: Scene) -> None:
    assert not await scene.store.notifiers.any_alive(scene.later(-15))
    async with scene.notifier():
        await until(lambda: scene.store.notifiers.any_alive(scene.later(-15)))
    assert not await scene.store.notifiers.any_alive(scene.later(-15))


async def test_progress_of_a_failing_receiver_delays_the_end_by_one_deadline_at_most(
    scene: Scene, receiver: Receiver
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    job = await scene.news(receiver.tell("/hook", hang), Phase.PROCESSING, seq=3)
    async with scene.notifier(timeout_sec=1.5):
        await until(lambda: len(receiver.hits) == 1)
        begun = receiver.hits[0].at
        await scene.more_news(job, Phase.COMPLETED, 5)
        await scene.becomes(job, DELIVERED, seq=5)
    assert receiver.hits[1].at - begun < 1.5 + 1.5
