"""Endpoints with a real notifier: many receivers a job, each with its own order and breaker."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook
from support.notifier_harness import CIPHER, OWN_SECRET, SERVICE_SECRET, NotifierHarness, Receiver
from support.notifier_harness import until as wait_until

from secretary_common.jobs.receivers import delivery_origin
from secretary_common.models import (
    DeliveryQuery,
    DeliveryState,
    Endpoint,
    Job,
    JobEndpoints,
    Phase,
    delivery_id_of,
)

JOBS = 40


async def register(harness: NotifierHarness, name: str, url: str, **fields: Any) -> Endpoint:
    now = harness.store.clock.now()
    one = Endpoint(
        endpoint_id=f"ep-{name}", owner="key-1", url=url, created_at=now, updated_at=now, **fields
    )
    await harness.store.endpoints.insert(one)
    return one


async def insert(harness: NotifierHarness, phase: Phase, *names: str, **fields: Any) -> Job:
    followed = JobEndpoints(ids=[f"ep-{name}" for name in names], progress=True)
    return await harness.insert_job(
        "http://unused/", phase, **{"webhook": None, "endpoints": followed, **fields}
    )


async def state_of(harness: NotifierHarness, job: Job, name: str, seq: int = 7) -> str | None:
    found = await harness.store.deliveries.get(delivery_id_of(f"{job.job_id}_ep-{name}", seq))
    return found.state.value if found else None


async def test_every_event_reaches_each_endpoint_in_order_whatever_the_others_do(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response()

    receiver.script("/slow", *[slow] * 500)
    receiver.script("/dead", *[503] * 1000)
    events = ["processing", "completed"]
    for name in ("slow", "dead", "off"):
        await register(
            harness, name, receiver.url(f"/{name}"), events=events, enabled=name != "off"
        )
    names = ("slow", "dead", "off")
    jobs = [await insert(harness, Phase.PROCESSING, *names) for _ in range(JOBS)]
    started = harness.store.clock.now() - timedelta(minutes=1)
    async with harness.notifier():
        for job in jobs:
            await harness.add_event(job, Phase.COMPLETED, 9)

        async def all_skipped() -> bool:
            query = DeliveryQuery(endpoint_id="ep-off", state=DeliveryState.SKIPPED, limit=250)
            return len(await harness.store.deliveries.find(query)) == JOBS

        await wait_until(all_skipped, within=20)
        await harness.store.endpoints.change("ep-off", {"enabled": True})
        now = harness.store.clock.now()
        assert await harness.store.deliveries.replay("ep-off", started, now, now) == JOBS
        keys = [f"{job.job_id}_ep-{name}" for job in jobs for name in ("slow", "off")]
        ends = {delivery_id_of(key, 9) for key in keys}

        async def all_delivered() -> bool:
            query = DeliveryQuery(state=DeliveryState.DELIVERED, limit=250)
            found = await harness.store.deliveries.find(query)
            return ends <= {one.delivery_id for one in found}

        await wait_until(all_delivered, within=60)
    for name in names:
        order: dict[str, list[int]] = {}
        for hit in receiver.at(f"/{name}"):
            order.setdefault(hit.event["process"]["id"], []).append(hit.event["seq"])
        assert name == "dead" or set(order) == {job.job_id for job in jobs}
        assert all(seqs == sorted(seqs) for seqs in order.values())


async def test_a_failing_endpoint_pauses_no_other_endpoint_of_its_origin(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    receiver.script("/bad", *[500] * 500)
    for name in ("bad", "good"):
        await register(harness, name, receiver.url(f"/{name}"))
    jobs = [await insert(harness, Phase.COMPLETED, "bad", "good") for _ in range(20)]
    async with harness.notifier():

        async def all_sent() -> bool:
            states = [await state_of(harness, job, "good") for job in jobs]
            return states == ["delivered"] * len(jobs)

        await wait_until(all_sent, within=15)


async def test_both_secrets_sign_until_the_overlap_of_a_rotation_ends(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    now = harness.store.clock.now()
    await register(
        harness,
        "1",
        receiver.url(),
        secret=CIPHER.seal(OWN_SECRET),
        older_secret=CIPHER.seal(SERVICE_SECRET),
        older_until=now + timedelta(minutes=1),
        headers={"X-Api-Key": CIPHER.seal("of the client")},
    )
    async with harness.notifier():
        await insert(harness, Phase.COMPLETED, "1")
        await wait_until(lambda: len(receiver.hits) == 1)
        ended = {"older_until": now - timedelta(minutes=1)}
        await harness.store.endpoints.change("ep-1", ended)
        await insert(harness, Phase.COMPLETED, "1")
        await wait_until(lambda: len(receiver.hits) == 2)
    both, one = receiver.hits
    for secret in (OWN_SECRET, SERVICE_SECRET):
        Webhook(secret).verify(both.body, both.headers)
    Webhook(OWN_SECRET).verify(one.body, one.headers)
    assert len(one.headers["webhook-signature"].split()) == 1
    assert one.headers["x-api-key"] == "of the client"


async def test_the_secret_of_the_service_signs_too_after_the_first_rotation(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    now = harness.store.clock.now()
    own = CIPHER.seal(OWN_SECRET)
    until = now + timedelta(minutes=1)
    await register(harness, "1", receiver.url(), secret=own, older_until=until)
    async with harness.notifier():
        await insert(harness, Phase.COMPLETED, "1")
        await wait_until(lambda: len(receiver.hits) == 1)
        await harness.store.endpoints.change("ep-1", {"older_until": now - timedelta(minutes=1)})
        await insert(harness, Phase.COMPLETED, "1")
        await wait_until(lambda: len(receiver.hits) == 2)
    both, one = receiver.hits
    for secret in (OWN_SECRET, SERVICE_SECRET):
        Webhook(secret).verify(both.body, both.headers)
    Webhook(OWN_SECRET).verify(one.body, one.headers)
    assert len(one.headers["webhook-signature"].split()) == 1


async def test_what_waits_for_an_endpoint_is_kept_once_it_is_disabled_and_dropped_once_deleted(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    for name in ("kept", "gone"):
        receiver.script(f"/{name}", 500)
        await register(harness, name, receiver.url(f"/{name}"))
    job = await insert(harness, Phase.COMPLETED, "kept", "gone")
    async with harness.notifier(retry_schedule_sec=[0, 0.5]):
        await wait_until(lambda: len(receiver.hits) == 2)
        await harness.store.endpoints.change("ep-kept", {"enabled": False})
        await harness.store.endpoints.delete("ep-gone")

        async def ended() -> bool:
            states = [await state_of(harness, job, name) for name in ("kept", "gone")]
            return states == ["skipped", "dropped"]

        await wait_until(ended)
    assert len(receiver.hits) == 2


@pytest.mark.parametrize("endpoint_id", [None, "ep-1"])
def test_the_origin_of_an_endpoint_is_its_own(endpoint_id: str | None) -> None:
    own = "https://example.com:443"
    assert delivery_origin("https://example.com/a", endpoint_id) == (
        own if endpoint_id is None else f"{own} ep-1"
    )
