"""The notifier as a process: its settings, its start, its end."""

import asyncio
import signal

import httpx
from aiohttp import web
from support.notifier_harness import NotifierHarness, Receiver, until
from support.notifier_process import environment, free_port, process, stderr_line

from secretary_common.models import DeliveryState


async def test_a_missing_setting_stops_the_notifier_with_its_name() -> None:
    env = environment()
    del env["SECRETARY_SECURITY__ENCRYPTION_KEYS"]
    async with process(env) as running:
        _, errors = await running.communicate()
    assert running.returncode == 1
    assert b"security.encryption_keys is required" in errors


async def test_the_notifier_waits_for_mongodb_logs_it_and_can_be_stopped() -> None:
    env = environment(SECRETARY_MONGO__URL=f"mongodb://127.0.0.1:{free_port()}/")
    async with process(env) as running:
        await stderr_line(running, "store.awaited")
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await running.communicate()
    assert running.returncode == 0


async def test_the_notifier_serves_health_and_metrics(harness: NotifierHarness) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with process(environment(harness, SECRETARY_NOTIFIER__HTTP_PORT=str(port))) as running:
        await stderr_line(running, "notifier.started")
        async with httpx.AsyncClient(base_url=base) as client:
            assert (await client.get("/health/live")).status_code == 200
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()["data"]["mongo"]) == (200, "ok")
            assert "secretary_deliveries_attempted_total" in (await client.get("/metrics")).text


async def test_an_opened_breaker_is_logged_and_counted(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    port = free_port()
    url = receiver.script("/hook", *[500] * 10)
    for _ in range(10):  # failures in a row open its breaker
        await harness.insert_job(url)
    async with process(environment(harness, SECRETARY_NOTIFIER__HTTP_PORT=str(port))) as running:
        line = await stderr_line(running, "breaker.opened")
        assert f"origin={receiver.url('')}" in line
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert "secretary_breakers_open 1.0" in (await client.get("/metrics")).text


async def test_sigterm_lets_the_attempt_in_flight_end(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", slow))
    async with process(environment(harness)) as running:
        await until(lambda: bool(receiver.hits), within=15)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await running.communicate()
        assert running.returncode == 0
    await harness.wait_for(job, DeliveryState.DELIVERED, within=1)
