"""What one receiver sees, and what its behaviour leads to."""

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
from support.notifier_harness import OWN_SECRET, SERVICE_SECRET, Receiver, Scene, until

from secretary_common.models import DeliveryState, Job, Phase

DELIVERED, DEAD = DeliveryState.DELIVERED, DeliveryState.DEAD


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_a_completion_arrives_signed_and_complete(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.url(), token="tok-123")
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
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
    scene: Scene, receiver: Receiver
) -> None:
    job = await scene.news(receiver.url())
    async with scene.notifier():
        await scene.becomes(job, DELIVERED)
    after = await scene.store.jobs.get(job.job_id)
    assert after is not None
    assert after.notify is None
    assert after.notified_at is not None


async def test_the_webhooks_own_secret_signs_alone(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.url(), secret=OWN_SECRET)
    async with scene.notifier():
        await scene.becomes(job, DELIVERED)
    [hit] = receiver.hits
    Verifier(OWN_SECRET).verify(hit.body, hit.headers)
    assert len(hit.headers["webhook-signature"].split()) == 1


async def test_without_any_secret_nothing_is_signed(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.url())
    async with scene.notifier(signing_secrets=[]):
        await scene.becomes(job, DELIVERED)
    assert "webhook-signature" not in receiver.hits[0].headers
    assert "authorization" not in receiver.hits[0].headers


async def test_a_failing_receiver_gets_the_same_event_again(
    scene: Scene, receiver: Receiver
) -> None:
    job = await scene.news(receiver.tell("/hook", 500, 500))
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
    assert [attempt.status_code for attempt in delivery.attempts] == [500, 500, 200]
    assert len({(hit.delivery_id, hit.body) for hit in receiver.hits}) == 1
    for hit in receiver.hits:
        Verifier(SERVICE_SECRET).verify(hit.body, hit.headers)


async def test_a_spent_schedule_ends_dead_with_its_log(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.tell("/hook", *[500] * 9))
    async with scene.notifier():
        delivery = await scene.becomes(job, DEAD)
    assert len(delivery.attempts) == len(receiver.hits) == 4
    assert delivery.reason == "every attempt failed"


async def test_a_redirect_is_a_failure_and_never_followed(scene: Scene, receiver: Receiver) -> None:
    async def move(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    job = await scene.news(receiver.tell("/hook", move))
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
    assert [attempt.status_code for attempt in delivery.attempts] == [302, 200]
    assert receiver.at("/elsewhere") == []


async def test_gone_ends_it_at_once(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.tell("/hook", 410))
    async with scene.notifier():
        delivery = await scene.becomes(job, DEAD)
        await asyncio.sleep(0.3)  # longer than the next attempt would take
    assert len(receiver.hits) == 1
    assert delivery.reason == "the receiver answered 410 Gone"


async def test_retry_after_is_honoured(scene: Scene, receiver: Receiver) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "1"})

    job = await scene.news(receiver.tell("/hook", busy))
    async with scene.notifier():
        await scene.becomes(job, DELIVERED)
    first, second = receiver.hits
    assert 1.0 <= second.at - first.at < 2.5


async def test_a_dripping_2xx_is_cut_at_the_deadline_and_delivers(
    scene: Scene, receiver: Receiver
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b".")
            await asyncio.sleep(0.1)
        return response

    job = await scene.news(receiver.tell("/hook", drip))
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
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
async def test_no_way_of_stalling_outlasts_the_deadline(
    scene: Scene, opening: bytes, drop: bytes, end: DeliveryState
) -> None:
    cut = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opening)
        until_cut = asyncio.ensure_future(reader.read())
        while not until_cut.done():
            writer.write(drop)
            await asyncio.wait([until_cut], timeout=0.1)
        await asyncio.gather(until_cut, return_exceptions=True)
        writer.close()
        cut.set()

    listener = await asyncio.start_server(stall, "127.0.0.1", 0)
    job = await scene.news(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/")
    async with listener, scene.notifier(retry_schedule_sec=[0]):
        delivery = await scene.becomes(job, end)
        await cut.wait()
    [attempt] = delivery.attempts
    assert (attempt.error or "").startswith("timeout")
    assert 900 <= attempt.duration_ms < 2000


async def test_of_a_flood_only_the_beginning_is_read(scene: Scene, receiver: Receiver) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 100_000)
            written += 100_000
        return response

    job = await scene.news(receiver.tell("/hook", flood))
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
    [attempt] = delivery.attempts
    assert attempt.response == "x" * 4096
    assert written < 50_000_000


async def test_a_compressed_answer_is_not_decompressed(scene: Scene, receiver: Receiver) -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"not gzip at all", headers={"Content-Encoding": "gzip"})

    job = await scene.news(receiver.tell("/hook", bomb))
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
    assert delivery.attempts[0].response == "not gzip at all"


async def test_a_receiver_that_hangs_up_is_tried_again(scene: Scene, receiver: Receiver) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    job = await scene.news(receiver.tell("/hook", hang_up))
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
    assert (delivery.attempts[0].error or "").startswith("connection_lost")


async def test_a_denied_address_is_never_connected_to(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.url())
    async with scene.notifier(reaches="10.0.0.0/8"):
        delivery = await scene.becomes(job, DEAD)
    assert receiver.hits == []
    assert all((attempt.error or "").startswith("url_refused") for attempt in delivery.attempts)


async def test_what_was_sealed_with_a_key_of_other_notifiers_alone_is_left_to_them_whole(
    scene: Scene, receiver: Receiver
) -> None:
    job = await scene.news(receiver.url("/sealed"), token="tok-123")
    other = await scene.news(receiver.url("/open"))
    async with scene.notifier(key=SecretStr(Fernet.generate_key().decode())):
        await scene.becomes(other, DELIVERED)
        await until(lambda: _has_reason(scene, job), what=lambda: "it was put back")
        async with scene.notifier():
            delivery = await scene.becomes(job, DELIVERED, within=20)
    assert [hit.headers["authorization"] for hit in receiver.at("/sealed")] == ["Bearer tok-123"]
    assert len(delivery.attempts) == delivery.tries == 1


async def _has_reason(scene: Scene, job: Job) -> bool:
    delivery = await scene.delivery(job)
    return delivery is not None and "encryption_keys" in (delivery.reason or "")


@pytest.mark.parametrize("spell", [json.dumps, quote, lambda text: base64_of(f"Bearer {text}")])
async def test_an_echo_of_the_token_is_not_kept_however_it_is_spelled(
    scene: Scene, receiver: Receiver, spell: Callable[[str], str]
) -> None:
    token = 'tok"123/ü'
    spelled = spell(token)

    async def echo(_: web.Request) -> web.StreamResponse:
        return web.Response(text="x" * 4000 + "\n" + spelled + "\n" + "y" * 50 + spelled)

    job = await scene.news(receiver.tell("/hook", echo), token=token)
    async with scene.notifier():
        delivery = await scene.becomes(job, DELIVERED)
    kept = delivery.attempts[0].response or ""
    assert "[redacted]" in kept
    assert spelled.strip('"')[:8] not in kept


async def test_an_answer_that_is_no_http_gives_no_token_away_in_its_error(scene: Scene) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 tok-123456 tok-123456\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(echo, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    job = await scene.news(url, token="tok-123456")
    async with listener, scene.notifier(retry_schedule_sec=[0]):
        delivery = await scene.becomes(job, DEAD)
    error = delivery.attempts[0].error or ""
    assert error.startswith("protocol")
    assert "tok-123456" not in error


async def switch_protocols(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n")
    writer.write(b"Connection: Upgrade\r\n\r\n")
    await reader.read()
    writer.close()


async def test_switching_protocols_is_an_error_that_the_log_explains(scene: Scene) -> None:
    listener = await asyncio.start_server(switch_protocols, "127.0.0.1", 0)
    job = await scene.news(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/")
    async with listener, scene.notifier(retry_schedule_sec=[0]):
        delivery = await scene.becomes(job, DEAD)
    [attempt] = delivery.attempts
    assert attempt.status_code == 101
    assert (attempt.error or "").startswith("upgrade: 101 Switching Protocols")


async def test_an_origin_that_switches_protocols_is_not_left_alone(scene: Scene) -> None:
    listener = await asyncio.start_server(switch_protocols, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    jobs = [await scene.news(url) for _ in range(12)]
    async with listener, scene.notifier(retry_schedule_sec=[0], per_origin=1):
        for job in jobs:
            await scene.becomes(job, DEAD)


async def test_progress_arrives_as_progress(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.url(), Phase.PROCESSING)
    async with scene.notifier():
        await scene.becomes(job, DELIVERED)
    assert receiver.hits[0].event["phase"] == "processing"


async def test_the_first_attempt_may_be_set_to_wait(scene: Scene, receiver: Receiver) -> None:
    job = await scene.news(receiver.url())
    async with scene.notifier(retry_schedule_sec=[0.5]):
        delivery = await scene.becomes(job, DELIVERED)
    assert (delivery.attempts[0].at - delivery.created_at).total_seconds() >= 0.5


async def test_a_handshake_that_never_ends_is_cut_at_the_deadline(scene: Scene) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    job = await scene.news(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/")
    async with listener, scene.notifier(retry_schedule_sec=[0]):
        delivery = await scene.becomes(job, DEAD)
    assert (delivery.attempts[0].error or "").startswith("timeout")


async def test_a_certificate_nobody_vouches_for_is_refused(scene: Scene, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(self_signed(tmp_path))
    asked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read())
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    job = await scene.news(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/")
    async with listener, scene.notifier(retry_schedule_sec=[0]):
        delivery = await scene.becomes(job, DEAD)
    assert (delivery.attempts[0].error or "").startswith("connect")
    assert "CERTIFICATE_VERIFY_FAILED" in (delivery.attempts[0].error or "")
    assert b"".join(asked) == b""


async def test_during_a_rotation_both_secrets_verify_what_arrives(
    scene: Scene, receiver: Receiver
) -> None:
    job = await scene.news(receiver.url())
    async with scene.notifier(signing_secrets=[SERVICE_SECRET, OWN_SECRET]):
        await scene.becomes(job, DELIVERED)
    [hit] = receiver.hits
    for secret in (SERVICE_SECRET, OWN_SECRET):
        Verifier(secret).verify(hit.body, hit.headers)
