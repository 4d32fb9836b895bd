"""The receiver of examples/ with a real notifier: what it accepts and refuses."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from support.notifier_harness import OWN_SECRET, SERVICE_SECRET, NotifierHarness

from secretary_common.models import DeliveryState, Phase
from secretary_notifier.sending.signing import signed_headers

EXAMPLE = Path(__file__).parents[3] / "examples" / "webhook_receiver.py"


@asynccontextmanager
async def example(secret: str) -> AsyncIterator[tuple[Process, str]]:
    """Run the example; yield its process and its URL."""
    command = (sys.executable, str(EXAMPLE), "0")
    env = {**os.environ, "WEBHOOK_SECRET": secret}
    running = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=PIPE)
    try:
        yield running, (await said(running)).removeprefix("listening on ")
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def said(running: Process) -> str:
    assert running.stdout is not None
    async with asyncio.timeout(30):
        return (await running.stdout.readline()).decode().strip()


async def test_the_example_handles_each_event_once_and_in_order(harness: NotifierHarness) -> None:
    async with example(SERVICE_SECRET) as (running, url):
        job = await harness.insert_job(url, Phase.PROCESSING, seq=3)
        async with harness.notifier():
            await harness.wait_for(job, DeliveryState.DELIVERED, seq=3)
            assert await said(running) == f"new processing {job.job_id} Processing"
            await harness.add_event(job, Phase.CANCELLED, 5)
            end = await harness.wait_for(job, DeliveryState.DELIVERED, seq=5)
            assert await said(running) == f"new cancelled {job.job_id} Processing cancelled"
            assert await harness.store.deliveries.resend(end.delivery_id, harness.later(0))
            assert (await said(running)).startswith("repeat cancelled")


async def test_the_example_refuses_requests_not_signed_with_its_secret(
    harness: NotifierHarness,
) -> None:
    async with example(OWN_SECRET) as (_, url):
        job = await harness.insert_job(url)
        async with harness.notifier(retry_schedule_sec=[0]):
            delivery = await harness.wait_for(job, DeliveryState.DEAD)
        assert [attempt.status_code for attempt in delivery.attempts] == [401]
        async with httpx.AsyncClient() as client:
            assert (await client.post(url, content=b"{}")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "many"}, 400),
        ({"Content-Length": "\u00b2"}, 400),
        ({"Content-Length": "9" * 5000}, 400),
        ({"Content-Length": "99999999"}, 413),
        ({"Transfer-Encoding": "chunked"}, 400),
        ({"Content-Length": "0", "webhook-timestamp": "9" * 5000}, 401),
        ({"Content-Length": "0", "webhook-timestamp": "\u00b2"}, 401),
        ({"Content-Length": "0", "webhook-signature": "v1,\u00fc"}, 401),
    ],
)
async def test_the_example_answers_any_headers_at_once_and_without_a_traceback(
    headers: dict[str, str], status: int
) -> None:
    now = str(int(datetime.now(UTC).timestamp()))
    lines = {"webhook-timestamp": now, "webhook-signature": "v1,x", **headers}
    request = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    async with example(SERVICE_SECRET) as (running, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"POST / HTTP/1.1\r\n{request}\r\n".encode("latin-1"))
        async with asyncio.timeout(8):  # the example itself waits 10 s for a body
            answer = await reader.readline()
        assert answer.split()[1] == str(status).encode()
        writer.close()
        running.terminate()
        assert running.stderr is not None
        assert await running.stderr.read() == b""


async def test_the_example_prints_no_control_characters() -> None:
    event = {"phase": "failed", "message": "a\x1b[2J\nnew \u202e\u00fc", "seq": 3}
    body = json.dumps({**event, "process": {"id": "job-1"}, "job": {"id": "mine"}}).encode()
    headers = signed_headers("msg_1", datetime.now(UTC), body, [SERVICE_SECRET])
    async with example(SERVICE_SECRET) as (running, url), httpx.AsyncClient() as client:
        assert (await client.post(url, content=body, headers=headers)).status_code == 204
        assert await said(running) == "new failed mine a\\u001b[2J\\u000anew \\u202e\u00fc"


async def test_the_example_handles_an_event_once_across_threads() -> None:
    event = {"phase": "failed", "message": "no", "seq": 3}
    body = json.dumps({**event, "process": {"id": "job-1"}, "job": {"id": "mine"}}).encode()
    headers = signed_headers("msg_1", datetime.now(UTC), body, [SERVICE_SECRET])
    at_once = httpx.Limits(max_connections=4)  # as many as a notifier sends to one origin
    async with (
        example(SERVICE_SECRET) as (running, url),
        httpx.AsyncClient(limits=at_once) as client,
    ):
        posts = [client.post(url, content=body, headers=headers) for _ in range(20)]
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {204}
        lines = [await said(running) for _ in posts]
    assert sorted(lines) == ["new failed mine no", *["repeat failed mine no"] * 19]
