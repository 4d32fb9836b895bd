"""The notifier as a process: what it needs, how it waits, how it stops."""

import asyncio
import signal

import httpx
from aiohttp import web
from support.notifier_harness import Receiver, Scene, until
from support.notifier_process import environment, free_port, process, stderr_line

from secretary_common.models import DeliveryState


async def test_a_missing_key_stops_it_at_start_by_name() -> None:
    env = environment()
    del env["SECRETARY_SECURITY__ENCRYPTION_KEYS"]
    async with process(env) as running:
        _, errors = await running.communicate()
    assert running.returncode == 1
    assert b"security.encryption_keys is required" in errors


async def test_it_waits_for_mongodb_says_so_and_can_be_stopped() -> None:
    env = environment(SECRETARY_MONGO__URL=f"mongodb://127.0.0.1:{free_port()}/")
    async with process(env) as running:
        await stderr_line(running, "store.awaited")
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await running.communicate()
    assert running.returncode == 0


async def test_it_says_that_it_lives_is_ready_and_what_it_did(scene: Scene) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with process(environment(scene, SECRETARY_NOTIFIER__HTTP_PORT=str(port))) as running:
        await stderr_line(running, "notifier.started")
        async with httpx.AsyncClient(base_url=base) as client:
            assert (await client.get("/health/live")).status_code == 200
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()["data"]["mongo"]) == (200, "ok")
            assert "secretary_deliveries_attempted_total" in (await client.get("/metrics")).text


async def test_a_broken_origin_is_logged_and_counted(scene: Scene, receiver: Receiver) -> None:
    port = free_port()
    url = receiver.tell("/hook", *[500] * 10)
    for _ in range(10):  # failures in a row open its breaker
        await scene.news(url)
    async with process(environment(scene, SECRETARY_NOTIFIER__HTTP_PORT=str(port))) as running:
        line = await stderr_line(running, "breaker.opened")
        assert f"origin={receiver.url('')}" in line
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert "secretary_breakers_open 1.0" in (await client.get("/metrics")).text


async def test_sigterm_lets_the_attempt_in_flight_end(scene: Scene, receiver: Receiver) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    job = await scene.news(receiver.tell("/hook", slow))
    async with process(environment(scene)) as running:
        await until(lambda: bool(receiver.hits), within=15)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await running.communicate()
        assert running.returncode == 0
    await scene.becomes(job, DeliveryState.DELIVERED, within=1)
