"""A webhook reaches its receiver as it is: each byte of the URL, whatever the answer looks like."""

import asyncio

import pytest
from support.notifier_harness import NotifierHarness, until
from support.raw_server import OK, RawRequest, raw_server
from support.signed_url import TARGETS, checking, signed

from secretary_common.models import DeliveryState

DELIVERED, DEAD, PENDING = DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.PENDING


@pytest.mark.parametrize("target", TARGETS)
async def test_a_receiver_that_signs_its_urls_gets_them_byte_for_byte(
    harness: NotifierHarness, target: str
) -> None:
    async with raw_server(checking(OK)) as server:
        job = await harness.insert_job(server.url(signed(target)))
        async with harness.notifier(retry_schedule_sec=[0]):
            await harness.wait_for(job, DELIVERED)
    assert server.targets == [signed(target)]


HEAD = b"HTTP/1.1 204 No Content\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(200)) + b"\r\n",
        HEAD + b"X-Longer: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(1100)) + b"\r\n",
        HEAD + b"this is no header\r\n\r\n",
        HEAD + b"X-Cut: of",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\n\x00\r\n\r\n",
    ],
    ids=[
        "long header",
        "many headers",
        "too long header",
        "too many headers",
        "no header",
        "cut header",
        "cut body",
        "no chunk",
        "no length",
        "after a hint",
    ],
)
async def test_a_2xx_status_line_delivers_whatever_follows(
    harness: NotifierHarness, answer: bytes
) -> None:
    async with raw_server(answer, closes_after_answer=True) as server:
        job = await harness.insert_job(server.url("/"))
        async with harness.notifier(retry_schedule_sec=[0]):
            delivery = await harness.wait_for(job, DELIVERED)
    [attempt] = delivery.attempts
    assert attempt.status_code in {200, 202, 204}


async def test_a_failure_with_a_long_header_keeps_its_status(harness: NotifierHarness) -> None:
    answer = b"HTTP/1.1 500 Oops\r\nX-Longer: " + b"x" * 70_000 + b"\r\n\r\n"
    async with raw_server(answer, closes_after_answer=True) as server:
        job = await harness.insert_job(server.url("/"))
        async with harness.notifier(retry_schedule_sec=[0]):
            delivery = await harness.wait_for(job, DEAD)
    assert delivery.attempts[0].status_code == 500


async def test_answers_that_cannot_be_parsed_open_no_breaker(harness: NotifierHarness) -> None:
    async with raw_server(b"what is HTTP?\r\n\r\n", closes_after_answer=True) as server:
        jobs = [await harness.insert_job(server.url("/")) for _ in range(12)]
        async with harness.notifier(retry_schedule_sec=[0], per_origin=1):
            for job in jobs:
                delivery = await harness.wait_for(job, DEAD)
                assert (delivery.attempts[0].error or "").startswith("protocol")


async def test_a_kept_connection_that_the_receiver_closed_costs_no_attempt(
    harness: NotifierHarness,
) -> None:
    """Each connection answers one request; it reads the next one and closes."""
    answered: dict[int, int] = {}

    def once(request: RawRequest) -> bytes | None:
        answered[request.connection] = answered.get(request.connection, 0) + 1
        return OK if answered[request.connection] == 1 else None

    async with raw_server(once) as server, harness.notifier(retry_schedule_sec=[0]):
        jobs = []
        for number in range(6):
            jobs.append(await harness.insert_job(server.url(f"/{number}")))
            delivery = await harness.wait_for(jobs[-1], DELIVERED)
            assert [attempt.error for attempt in delivery.attempts] == [None]
    ids = {request.headers["webhook-id"] for request in server.requests}
    assert len(ids) == 6
    assert len(server.requests) > 6, "no connection was used twice"


async def test_a_fresh_connection_that_is_closed_is_a_failed_attempt(
    harness: NotifierHarness,
) -> None:
    async with raw_server(lambda _: None) as server:
        job = await harness.insert_job(server.url("/"))
        async with harness.notifier(retry_schedule_sec=[0]):
            delivery = await harness.wait_for(job, DEAD)
    assert len(server.requests) == len(delivery.attempts) == 1


async def test_an_answer_that_began_is_not_asked_for_again(harness: NotifierHarness) -> None:
    answered: set[int] = set()

    def once(request: RawRequest) -> bytes:
        first = request.connection not in answered
        answered.add(request.connection)
        return OK if first else b"HT"

    async with raw_server(once) as server, harness.notifier(retry_schedule_sec=[0]):
        await harness.wait_for(await harness.insert_job(server.url("/1")), DELIVERED)
        cut = await harness.insert_job(server.url("/2"))
        await until(lambda: server.targets == ["/1", "/2"])
        delivery = await harness.wait_for(cut, DEAD)
        await asyncio.sleep(0)
    assert (server.targets, len(delivery.attempts)) == (["/1", "/2"], 1)
