"""The notifier as a process: its settings, its start, its end."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from support.notifier_harness import NotifierHarness, Receiver, until
from support.notifier_process import environment, free_port, process, stderr_line

from secretary_common.models import DeliveryState
from secretary_common.settings.settings import load_settings
from secretary_notifier import main
from secretary_notifier.dispatcher import Dispatcher
from secretary_notifier.wiring import open_dispatcher


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


async def test_the_notifier_is_not_ready_before_it_can_deliver(
    harness: NotifierHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, may_open, stop = free_port(), asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def open_later(*args: Any) -> AsyncIterator[Dispatcher]:
        await may_open.wait()
        async with open_dispatcher(*args) as dispatcher:
            yield dispatcher

    monkeypatch.setattr(main, "open_dispatcher", open_later)
    for name, value in environment(harness, SECRETARY_NOTIFIER__HTTP_PORT=str(port)).items():
        monkeypatch.setenv(name, value)
    serving = asyncio.create_task(main.serve(load_settings(), stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def answers(status: int, *, started: bool) -> bool:
            with contextlib.suppress(httpx.ConnectError):
                answer = await client.get("/health/ready")
                found = answer.json()
                details = found["data"] if started else found["error"]["details"]
                return answer.status_code == status and details["started"] is started
            return False

        await until(lambda: answers(503, started=False), within=15)
        may_open.set()
        await until(lambda: answers(200, started=True), within=15)
    stop.set()
    await serving


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
