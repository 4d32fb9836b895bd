"""A receiver does not affect others; resends, recoveries and tests of a client work."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from support.notifier_harness import CIPHER, NotifierHarness, Receiver, running_receiver, until
from support.raw_server import OK, RawRequest, raw_server

from secretary_common.jobs.new_deliveries import trial_delivery
from secretary_common.models import DeliveryState, Phase

DELIVERED, DEAD, PENDING = DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.PENDING


async def test_ten_failures_open_the_breaker_and_waiting_costs_no_attempt(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async with running_receiver() as broken:
        broken.script("/hook", *[500] * 100)
        async with harness.notifier(retry_schedule_sec=[0, 60, 60], per_origin=1, timeout_sec=10):
            jobs = [await harness.insert_job(broken.url()) for _ in range(15)]
            await until(lambda: len(broken.hits) == 10)
            healthy = await harness.insert_job(receiver.url())
            await harness.wait_for(healthy, DELIVERED)
            await asyncio.sleep(0.5)
        assert len(broken.hits) == 10
    deliveries = [await harness.delivery(job) for job in jobs]
    assert sorted(len(each.attempts) for each in deliveries if each) == [0] * 5 + [1] * 10
    assert {each.state for each in deliveries if each} == {PENDING}


async def test_the_backlog_of_an_origin_is_sent_without_waiting_for_a_poll(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    """The origin has more events than a notifier holds: it reads more as soon as it has room."""
    jobs = [await harness.insert_job(receiver.url()) for _ in range(150)]
    async with harness.notifier(per_origin=1, poll_interval_sec=600):
        await until(lambda: len(receiver.hits) == len(jobs), within=60)
    assert len({hit.delivery_id for hit in receiver.hits}) == len(jobs)


async def test_new_events_do_not_wait_behind_retries(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def slow_failure(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.Response(status=404)

    receiver.script("/failing", *[slow_failure] * 200)
    for _ in range(20):
        await harness.insert_job(receiver.url("/failing"))
    async with harness.notifier(per_origin=2, retry_schedule_sec=[0, *[0.1] * 50]):
        await until(lambda: len(receiver.hits) >= 24, within=10)
        fresh = await harness.insert_job(receiver.url("/fresh"))
        await harness.wait_for(fresh, DELIVERED, within=2)


async def test_a_url_that_answered_410_stays_muted_until_a_resend_is_delivered(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    gone = await harness.insert_job(receiver.script("/gone", 410))
    async with harness.notifier():
        await harness.wait_for(gone, DEAD)
        muted = await harness.insert_job(receiver.url("/gone"))
        ended = await harness.wait_for(muted, DEAD)
        assert (ended.attempts, len(receiver.hits)) == ([], 1)
        elsewhere = await harness.insert_job(receiver.url("/elsewhere"))
        await harness.wait_for(elsewhere, DELIVERED)

        assert await harness.store.deliveries.resend(ended.delivery_id, harness.later(0))
        again = await harness.wait_for(muted, DELIVERED)
        assert again.body == ended.body
        later = await harness.insert_job(receiver.url("/gone"))
        await harness.wait_for(later, DELIVERED)


async def test_dead_events_of_an_outage_are_recovered(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    receiver.script("/hook", *[500] * 3)
    jobs = [await harness.insert_job(receiver.url()) for _ in range(3)]
    async with harness.notifier(retry_schedule_sec=[0]):
        for job in jobs:
            await harness.wait_for(job, DEAD)
        now = harness.later(0)
        span = (harness.later(-60), harness.later(60))
        assert await harness.store.deliveries.recover(*span, now, owner="key-1") == 3
        for job in jobs:
            await harness.wait_for(job, DELIVERED)


async def test_a_test_is_sent_although_the_breaker_is_open(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    receiver.script("/hook", *[500] * 10)
    async with harness.notifier(retry_schedule_sec=[0, 60], per_origin=1, timeout_sec=10):
        for _ in range(12):
            await harness.insert_job(receiver.url())
        await until(lambda: len(receiver.hits) == 10)
        trial = trial_delivery(
            receiver.url("/trial/{jobId}"),
            owner="key-1",
            now=harness.later(0),
            token=CIPHER.seal("tok-123"),
        )
        await harness.store.deliveries.insert_absent([trial])

        async def has_ended() -> bool:
            found = await harness.store.deliveries.get(trial.delivery_id)
            return found is not None and found.state is DELIVERED

        await until(has_ended)
    [hit] = receiver.at(f"/trial/{trial.job_id}")
    assert (hit.event["phase"], hit.event["job"]["id"]) == ("test", trial.job_id)
    assert hit.headers["authorization"] == "Bearer tok-123"
    assert "webhook-signature" in hit.headers


async def test_notifiers_report_that_they_are_alive_and_that_they_stop(
    harness: NotifierHarness,
) -> None:
    assert not await harness.store.notifiers.any_alive(harness.later(-15))
    async with harness.notifier():
        await until(lambda: harness.store.notifiers.any_alive(harness.later(-15)))
    assert not await harness.store.notifiers.any_alive(harness.later(-15))


async def test_progress_to_a_failing_receiver_delays_the_end_by_one_deadline_at_most(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", hang), Phase.PROCESSING, seq=3)
    async with harness.notifier(timeout_sec=1.5):
        await until(lambda: len(receiver.hits) == 1)
        begun = receiver.hits[0].at
        await harness.add_event(job, Phase.COMPLETED, 5)
        await harness.wait_for(job, DELIVERED, seq=5)
    assert receiver.hits[1].at - begun < 1.5 + 1.5


@pytest.mark.parametrize("is_resent", [False, True], ids=["first try", "found in the store"])
async def test_hanging_receivers_of_one_key_do_not_delay_the_webhook_of_another(
    harness: NotifierHarness, receiver: Receiver, *, is_resent: bool
) -> None:
    """Forty origins of one key hang longer than the other key's webhook may take."""
    release = asyncio.Event()

    async def hang(_: RawRequest) -> bytes:
        await release.wait()
        return OK

    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(raw_server(hang)) for _ in range(40)]
        slow = [await harness.insert_job(server.url("/")) for server in servers]
        quick = await harness.insert_job(receiver.url(), owner="key-2") if is_resent else None
        section = {"max_in_flight": 16, "timeout_sec": 60, "first_timeout_sec": 60}
        async with harness.notifier(**section):
            await until(lambda: sum(len(server.requests) for server in servers) >= 4, within=20)
            quick = quick or await harness.insert_job(receiver.url(), owner="key-2")
            await harness.wait_for(quick, DELIVERED, within=20)
            waiting = [await harness.delivery(job) for job in slow]
            release.set()
    assert not any(delivery.attempts for delivery in waiting if delivery)


async def test_a_receiver_that_is_too_slow_for_its_first_request_has_the_whole_deadline_next(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def wait_for_the_cut(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def answer_late(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", wait_for_the_cut, answer_late))
    async with harness.notifier(timeout_sec=30, first_timeout_sec=0.3):
        delivery = await harness.wait_for(job, DELIVERED, within=20)
    first, second = delivery.attempts
    assert (first.error, second.error) == ("timeout: no complete answer within 0.3 s", None)
