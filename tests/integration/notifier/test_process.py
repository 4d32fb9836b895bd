"""The notifier as a process: what it needs, how it waits, how it stops."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from aiohttp import web
from webhook_scene import KEY, Receiver, Scene, until

from secretary_common.models import DeliveryState

COMMAND = (sys.executable, "-c", "from secretary_notifier.main import main; main()")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(scene: Scene | None = None, **values: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if "SECRETARY_" not in name}
    mongo = scene.settings().mongo if scene else None
    if mongo:
        ours |= {"SECRETARY_MONGO__URL": mongo.url, "SECRETARY_MONGO__DATABASE": mongo.database}
    defaults = {
        "SECRETARY_SECURITY__ENCRYPTION_KEYS": f'["{KEY.get_secret_value()}"]',
        "SECRETARY_SECURITY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        "SECRETARY_NOTIFIER__POLL_INTERVAL_SEC": "0.2",
        "SECRETARY_NOTIFIER__TIMEOUT_SEC": "5",
        "SECRETARY_NOTIFIER__HTTP_PORT": "0",
    }
    return {**ours, **defaults, **values}


@asynccontextmanager
async def process(env: dict[str, str]) -> AsyncIterator[Process]:
    running = await asyncio.create_subprocess_exec(*COMMAND, env=env, stderr=PIPE)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.communicate()


async def stderr_line(running: Process, event: str, within: float = 15) -> str:
    assert running.stderr is not None
    async with asyncio.timeout(within):
        while line := (await running.stderr.readline()).decode():
            if event in line:
                return line
    raise AssertionError(f"it ended without {event}")


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


async def test_a_killed_notifiers_event_arrives_again_under_the_same_id(
    scene: Scene, receiver: Receiver
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    job = await scene.news(receiver.tell("/hook", hang))
    # A lease is the deadline and ten seconds: nobody else sends before it has ended.
    async with process(environment(scene, SECRETARY_NOTIFIER__TIMEOUT_SEC="0.5")) as running:
        await until(lambda: bool(receiver.hits), within=15)
        running.kill()
    async with scene.notifier():
        await scene.becomes(job, DeliveryState.DELIVERED, within=14)
    first, second = receiver.hits
    assert (first.delivery_id, first.body) == (second.delivery_id, second.body)
