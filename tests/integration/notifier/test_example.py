"""The receiver of examples/ with a real notifier: what it takes, what it refuses."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from webhook_scene import OWN_SECRET, SERVICE_SECRET, Scene

from secretary_common.models import DeliveryState, Phase

EXAMPLE = Path(__file__).parents[3] / "examples" / "webhook_receiver.py"


@asynccontextmanager
async def example(secret: str) -> AsyncIterator[tuple[Process, str]]:
    """The example and its URL."""
    command = (sys.executable, str(EXAMPLE), "0")
    env = {**os.environ, "WEBHOOK_SECRET": secret}
    running = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE)
    try:
        yield running, (await said(running)).removeprefix("listening on ")
    finally:
        running.kill()
        await running.communicate()


async def said(running: Process) -> str:
    assert running.stdout is not None
    async with asyncio.timeout(30):
        return (await running.stdout.readline()).decode().strip()


async def test_the_example_handles_each_event_once_and_in_order(scene: Scene) -> None:
    async with example(SERVICE_SECRET) as (running, url):
        job = await scene.news(url, Phase.PROCESSING, seq=3)
        async with scene.notifier():
            await scene.becomes(job, DeliveryState.DELIVERED, seq=3)
            assert await said(running) == f"handled processing {job.job_id} Processing"
            await scene.more_news(job, Phase.CANCELLED, 5)
            end = await scene.becomes(job, DeliveryState.DELIVERED, seq=5)
            assert await said(running) == f"handled cancelled {job.job_id} Processing cancelled"
            assert await scene.store.deliveries.resend(end.delivery_id, scene.later(0))
            assert (await said(running)).startswith("repeat cancelled")


async def test_the_example_refuses_what_is_not_signed_with_its_secret(scene: Scene) -> None:
    async with example(OWN_SECRET) as (_, url):
        job = await scene.news(url)
        async with scene.notifier(retry_schedule_sec=[0]):
            delivery = await scene.becomes(job, DeliveryState.DEAD)
        assert [attempt.status_code for attempt in delivery.attempts] == [401]
        async with httpx.AsyncClient() as client:
            assert (await client.post(url, content=b"{}")).status_code == 401
