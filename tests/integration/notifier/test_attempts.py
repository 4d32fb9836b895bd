"""What a receiver gets, and the outcome of its answers."""

import asyncio
import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web
from cryptography.fernet import Fernet
from pydantic import SecretStr
from standardwebhooks import Webhook as Verifier
from support.certificate import self_signed
from support.notifier_harness import OWN_SECRET, SERVICE_SECRET, NotifierHarness, Receiver, until
from support.tcp_server import tcp_server

from secretary_common.models import DeliveryState, Job, Phase

DELIVERED, DEAD = DeliveryState.DELIVERED, DeliveryState.DEAD


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_a_completed_event_arrives_signed_and_complete(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url(), token="tok-123")
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    [hit] = receiver.hits
    Verifier(SERVICE_SECRET).verify(hit.body, hit.headers)
    assert hit.delivery_id == delivery.delivery_id == f"msg_{job.job_id}_7"
    assert hit.body == delivery.body
    assert hit.event["data"] == {"extracted_text": "Grüße"}
    sent = {
        name: hit.headers[name]
        for name in ("content-type", "authorization", "x-callback-token", "accept-encoding")
    }
    assert sent == {
        "content-type": "application/json",
        "authorization": "Bearer tok-123",
        "x-callback-token": "tok-123",
        "accept-encoding": "identity",
    }
    assert hit.headers["user-agent"].startswith("Secretary-Webhooks/")
    [attempt] = delivery.attempts
    assert (attempt.status_code, attempt.address, attempt.error) == (200, "127.0.0.1", None)
    assert attempt.response == "status 200"


async def test_the_slot_is_empty_once_the_delivery_is_made(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    async with harness.notifier():
        await harness.wait_for(job, DELIVERED)
    after = await harness.store.jobs.get(job.job_id)
    assert after is not None
    assert after.notify is None
    assert after.notified_at is not None


async def test_only_the_webhooks_own_secret_signs(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url(), secret=OWN_SECRET)
    async with harness.notifier():
        await harness.wait_for(job, DELIVERED)
    [hit] = receiver.hits
    Verifier(OWN_SECRET).verify(hit.body, hit.headers)
    assert len(hit.headers["webhook-signature"].split()) == 1


async def test_an_event_without_a_secret_is_not_signed(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    async with harness.notifier(signing_secrets=[]):
        await harness.wait_for(job, DELIVERED)
    assert "webhook-signature" not in receiver.hits[0].headers
    assert "authorization" not in receiver.hits[0].headers


async def test_a_failing_receiver_gets_the_same_event_again(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.script("/hook", 500, 500))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    assert [attempt.status_code for attempt in delivery.attempts] == [500, 500, 200]
    assert len({(hit.delivery_id, hit.body) for hit in receiver.hits}) == 1
    for hit in receiver.hits:
        Verifier(SERVICE_SECRET).verify(hit.body, hit.headers)


async def test_a_spent_schedule_ends_dead_with_its_log(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.script("/hook", *[500] * 9))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DEAD)
    assert len(delivery.attempts) == len(receiver.hits) == 4
    assert delivery.reason == "every attempt failed"


async def test_a_redirect_is_a_failure_and_never_followed(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def move(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    job = await harness.insert_job(receiver.script("/hook", move))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    assert [attempt.status_code for attempt in delivery.attempts] == [302, 200]
    assert receiver.at("/elsewhere") == []


async def test_the_answer_410_ends_an_event_at_once(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.script("/hook", 410))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DEAD)
        await asyncio.sleep(0.3)  # longer than the next attempt would take
    assert len(receiver.hits) == 1
    assert delivery.reason == "the receiver answered 410 Gone"


async def test_retry_after_is_honoured(harness: NotifierHarness, receiver: Receiver) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "1"})

    job = await harness.insert_job(receiver.script("/hook", busy))
    async with harness.notifier():
        await harness.wait_for(job, DELIVERED)
    first, second = receiver.hits
    assert 1.0 <= second.at - first.at < 2.5


async def test_a_slow_2xx_body_is_cut_at_the_deadline_and_the_event_is_delivered(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b".")
            await asyncio.sleep(0.1)
        return response

    job = await harness.insert_job(receiver.script("/hook", drip))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    [cut] = delivery.attempts
    assert cut.error is not None
    assert cut.error.startswith("timeout")
    assert 900 <= cut.duration_ms < 2000
    assert (cut.status_code, cut.response) == (200, "." * len(cut.response or ""))


@pytest.mark.parametrize(
    ("opening", "drop", "end"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", DEAD),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drip: x\r\n", DELIVERED),
        (b"", b"", DEAD),
    ],
    ids=["endless 1xx", "dripped headers", "silence"],
)
async def test_every_stalled_answer_is_cut_at_the_deadline(
    harness: NotifierHarness, opening: bytes, drop: bytes, end: DeliveryState
) -> None:
    cut = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opening)
        until_cut = asyncio.ensure_future(reader.read())
        while not until_cut.done():
            writer.write(drop)
            await asyncio.wait([until_cut], timeout=0.1)
        cut.set()

    async with tcp_server(stall) as port, harness.notifier(retry_schedule_sec=[0]):
        job = await harness.insert_job(f"http://127.0.0.1:{port}/")
        delivery = await harness.wait_for(job, end)
        await cut.wait()
    [attempt] = delivery.attempts
    assert (attempt.error or "").startswith("timeout")
    assert 900 <= attempt.duration_ms < 2000


async def test_only_the_beginning_of_a_long_answer_is_read(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 100_000)
            written += 100_000
        return response

    job = await harness.insert_job(receiver.script("/hook", flood))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    [attempt] = delivery.attempts
    assert attempt.response == "x" * 4096
    assert written < 50_000_000


async def test_a_compressed_answer_is_not_decompressed(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"not gzip at all", headers={"Content-Encoding": "gzip"})

    job = await harness.insert_job(receiver.script("/hook", bomb))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    assert delivery.attempts[0].response == "not gzip at all"


async def test_a_receiver_that_closes_the_connection_is_tried_again(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    job = await harness.insert_job(receiver.script("/hook", hang_up))
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    assert (delivery.attempts[0].error or "").startswith("connection_lost")


async def test_a_denied_address_is_never_connected_to(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    async with harness.notifier(reaches="10.0.0.0/8"):
        delivery = await harness.wait_for(job, DEAD)
    assert receiver.hits == []
    assert all((attempt.error or "").startswith("url_refused") for attempt in delivery.attempts)


async def test_an_event_sealed_with_an_unknown_key_is_left_to_notifiers_that_have_it(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url("/sealed"), token="tok-123")
    other = await harness.insert_job(receiver.url("/open"))
    async with harness.notifier(key=SecretStr(Fernet.generate_key().decode())):
        await harness.wait_for(other, DELIVERED)
        await until(lambda: _has_reason(harness, job), what=lambda: "it was put back")
        async with harness.notifier():
            delivery = await harness.wait_for(job, DELIVERED, within=20)
    assert [hit.headers["authorization"] for hit in receiver.at("/sealed")] == ["Bearer tok-123"]
    assert len(delivery.attempts) == delivery.tries == 1


async def _has_reason(harness: NotifierHarness, job: Job) -> bool:
    delivery = await harness.delivery(job)
    return delivery is not None and "encryption_keys" in (delivery.reason or "")


@pytest.mark.parametrize("spell", [json.dumps, quote, lambda text: base64_of(f"Bearer {text}")])
async def test_an_echo_of_the_token_is_redacted_in_any_spelling(
    harness: NotifierHarness, receiver: Receiver, spell: Callable[[str], str]
) -> None:
    token = 'tok"123/ü'
    spelled = spell(token)

    async def echo(_: web.Request) -> web.StreamResponse:
        return web.Response(text="x" * 4000 + "\n" + spelled + "\n" + "y" * 50 + spelled)

    job = await harness.insert_job(receiver.script("/hook", echo), token=token)
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    kept = delivery.attempts[0].response or ""
    assert "[redacted]" in kept
    assert spelled.strip('"')[:8] not in kept


async def test_an_answer_that_is_not_http_leaves_no_token_in_its_error(
    harness: NotifierHarness,
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 tok-123456 tok-123456\r\n\r\n")
        await writer.drain()

    async with tcp_server(echo) as port, harness.notifier(retry_schedule_sec=[0]):
        job = await harness.insert_job(f"http://127.0.0.1:{port}/", token="tok-123456")
        delivery = await harness.wait_for(job, DEAD)
    error = delivery.attempts[0].error or ""
    assert error.startswith("protocol")
    assert "tok-123456" not in error


async def switch_protocols(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n")
    writer.write(b"Connection: Upgrade\r\n\r\n")
    await reader.read()


async def test_switching_protocols_is_an_error_with_an_explanation(
    harness: NotifierHarness,
) -> None:
    async with tcp_server(switch_protocols) as port, harness.notifier(retry_schedule_sec=[0]):
        job = await harness.insert_job(f"http://127.0.0.1:{port}/")
        delivery = await harness.wait_for(job, DEAD)
    [attempt] = delivery.attempts
    assert attempt.status_code == 101
    assert (attempt.error or "").startswith("upgrade: 101 Switching Protocols")


async def test_an_origin_that_switches_protocols_is_not_paused(harness: NotifierHarness) -> None:
    async with tcp_server(switch_protocols) as port:
        jobs = [await harness.insert_job(f"http://127.0.0.1:{port}/") for _ in range(12)]
        async with harness.notifier(retry_schedule_sec=[0], per_origin=1):
            for job in jobs:
                await harness.wait_for(job, DEAD)


async def test_progress_arrives_as_progress(harness: NotifierHarness, receiver: Receiver) -> None:
    job = await harness.insert_job(receiver.url(), Phase.PROCESSING)
    async with harness.notifier():
        await harness.wait_for(job, DELIVERED)
    assert receiver.hits[0].event["phase"] == "processing"


async def test_the_first_attempt_may_be_set_to_wait(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    async with harness.notifier(retry_schedule_sec=[0.5]):
        delivery = await harness.wait_for(job, DELIVERED)
    assert (delivery.attempts[0].at - delivery.created_at).total_seconds() >= 0.5


async def test_an_endless_handshake_is_cut_at_the_deadline(harness: NotifierHarness) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(say_nothing) as port, harness.notifier(retry_schedule_sec=[0]):
        job = await harness.insert_job(f"https://127.0.0.1:{port}/")
        delivery = await harness.wait_for(job, DEAD)
    assert (delivery.attempts[0].error or "").startswith("timeout")


async def test_an_untrusted_certificate_is_refused(
    harness: NotifierHarness, tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(self_signed(tmp_path))
    asked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.append(await reader.read())

    async with tcp_server(listen, tls=context) as port, harness.notifier(retry_schedule_sec=[0]):
        job = await harness.insert_job(f"https://127.0.0.1:{port}/")
        delivery = await harness.wait_for(job, DEAD)
    assert (delivery.attempts[0].error or "").startswith("connect")
    assert "CERTIFICATE_VERIFY_FAILED" in (delivery.attempts[0].error or "")
    assert b"".join(asked) == b""


async def test_during_a_rotation_both_secrets_verify_what_arrives(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    job = await harness.insert_job(receiver.url())
    async with harness.notifier(signing_secrets=[SERVICE_SECRET, OWN_SECRET]):
        await harness.wait_for(job, DELIVERED)
    [hit] = receiver.hits
    for secret in (SERVICE_SECRET, OWN_SECRET):
        Verifier(secret).verify(hit.body, hit.headers)


async def test_own_headers_are_sent_with_each_webhook_and_their_echo_is_not_kept(
    harness: NotifierHarness, receiver: Receiver
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"your key is {request.headers['X-Api-Key']}")

    headers = {"X-Api-Key": "key-of-the-receiver", "Authorization": "Basic dTpwYXNz"}
    job = await harness.insert_job(receiver.script("/hook", echo), headers=headers)
    async with harness.notifier():
        delivery = await harness.wait_for(job, DELIVERED)
    [hit] = receiver.hits
    assert hit.headers["x-api-key"] == "key-of-the-receiver"
    assert hit.headers["authorization"] == "Basic dTpwYXNz"
    assert hit.headers["content-type"] == "application/json"
    assert delivery.attempts[0].response == "your key is [redacted]"
    assert "key-of-the-receiver" not in delivery.model_dump_json(exclude={"body"})
