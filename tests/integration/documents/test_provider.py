"""Requests to a provider over real connections: retries, errors, and the secrecy of the key."""

import asyncio
import logging
import time
from typing import Any

import pytest
from support.provider_harness import FakeTime, provider_settings, until

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_devstack.provider import FakeProvider, Misbehaviour
from secretary_devstack.servers.port import free_port
from secretary_documents.providers.connection import ProviderRequest
from secretary_documents.providers.provider import Provider

ASK = ProviderRequest(
    "POST",
    "/chat/completions",
    payload={"model": "model-1", "messages": [{"role": "user", "content": "Grüße"}]},
)
RATE_LIMITED, UNAVAILABLE = ErrorCode.PROVIDER_RATE_LIMITED, ErrorCode.PROVIDER_UNAVAILABLE
REFUSED, INVALID = ErrorCode.PROVIDER_REFUSED, ErrorCode.PROVIDER_INVALID_ANSWER
UNAUTHORIZED = ErrorCode.PROVIDER_UNAUTHORIZED


def reach(fake: FakeProvider, fake_time: FakeTime, **settings: Any) -> Provider:
    limit = settings.pop("max_response_bytes", 2**20)
    section = LlmSection(**provider_settings(fake, **settings))
    return Provider(section, timing=fake_time.timing, max_response_bytes=limit)


async def ask(
    provider: Provider, request: ProviderRequest = ASK, resources: ResourceCalculator | None = None
) -> JsonObject:
    async with provider.connected(resources or ResourceCalculator()) as connection:
        return (await connection.send(request)).data


async def test_a_response_is_its_json(fake: FakeProvider, fake_time: FakeTime) -> None:
    data = await ask(reach(fake, fake_time))
    assert data["choices"][0]["message"]["content"] == "You said: Grüße"
    assert fake_time.pauses == []


@pytest.mark.parametrize(
    ("wrong", "pause"),
    [
        (Misbehaviour.rate_limited("7"), 7.0),
        (Misbehaviour.rate_limited("Thu, 01 Jan 2026 12:00:09 GMT"), 9.0),
        (Misbehaviour.rate_limited("soon"), 0.5),
        (Misbehaviour.rate_limited(), 0.5),
        (Misbehaviour.failing(408), 0.5),
        (Misbehaviour.failing(500), 0.5),
        (Misbehaviour.failing(503, headers={"Retry-After": "3"}), 3.0),
        (Misbehaviour.truncated(), 0.5),
        (Misbehaviour.cut_off(), 0.5),
        (Misbehaviour.resetting(), 0.5),
    ],
)
async def test_a_temporary_failure_is_retried_after_the_providers_delay(
    fake: FakeProvider, fake_time: FakeTime, wrong: Misbehaviour, pause: float
) -> None:
    fake.misbehave("chat", wrong)
    resources = ResourceCalculator()
    assert "choices" in await ask(reach(fake, fake_time), resources=resources)
    assert fake_time.pauses == [pause]
    assert resources.usage() == {"api_calls": 2}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (Misbehaviour.rate_limited(), RATE_LIMITED),
        (Misbehaviour.failing(503), UNAVAILABLE),
        (Misbehaviour.truncated(), INVALID),
        (Misbehaviour.resetting(), UNAVAILABLE),
    ],
)
async def test_a_lasting_failure_is_left_to_the_next_attempt(
    fake: FakeProvider, fake_time: FakeTime, wrong: Misbehaviour, code: ErrorCode
) -> None:
    fake.misbehave("chat", *[wrong] * 9)
    with pytest.raises(TransientError) as caught:
        await ask(reach(fake, fake_time))
    assert caught.value.code == code
    assert caught.value.retry_after is None
    assert fake_time.pauses == [0.5, 1, 2, 4]


async def test_a_long_wait_is_left_to_the_next_attempt(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("chat", Misbehaviour.rate_limited("600"))
    with pytest.raises(TransientError) as caught:
        await ask(reach(fake, fake_time, retry_sec=60))
    assert caught.value.retry_after == 600
    assert fake_time.pauses == []


async def test_waits_add_up_to_no_more_than_retry_sec(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("chat", *[Misbehaviour.rate_limited("25")] * 9)
    with pytest.raises(TransientError):
        await ask(reach(fake, fake_time, retry_sec=60))
    assert fake_time.pauses == [25, 25]


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (Misbehaviour.failing(400, "max_tokens is too large"), REFUSED, "max_tokens is too large"),
        (Misbehaviour.failing(402), REFUSED, "402"),
        (Misbehaviour.failing(404, "no such model"), REFUSED, "no such model"),
        (Misbehaviour.failing(422), REFUSED, "422"),
        (Misbehaviour.failing(401, "bad key sk-te...789"), UNAUTHORIZED, "llm.api_key"),
        (Misbehaviour.failing(403), UNAUTHORIZED, "llm.api_key"),
        (Misbehaviour.failing(429, "insufficient_quota"), RATE_LIMITED, "no credit"),
        (Misbehaviour.failing(307, headers={"Location": "/v1/files"}), REFUSED, "llm.base_url"),
        (Misbehaviour.html(), INVALID, "text/html"),
        (Misbehaviour(status=200, body=b"[1]"), INVALID, "object"),
        (
            Misbehaviour(status=200, body=b"{}", headers={"Content-Encoding": "gzip"}),
            INVALID,
            "compressed",
        ),
        (Misbehaviour.huge(2**21), INVALID, "1048576 bytes"),
        (
            Misbehaviour(status=200, body=b'{"error": {"code": 402, "message": "pay"}}'),
            REFUSED,
            "pay",
        ),
    ],
)
async def test_a_permanent_failure_is_not_retried(
    fake: FakeProvider, fake_time: FakeTime, wrong: Misbehaviour, code: ErrorCode, words: str
) -> None:
    fake.misbehave("chat", wrong)
    with pytest.raises(PermanentError, match=words) as caught:
        await ask(reach(fake, fake_time))
    assert caught.value.code == code
    assert fake_time.pauses == []
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": "error", "message": {"detail": [{"loc": ["body", "model"], "msg": "bad"}]}}',
        b'{"detail": [{"loc": ["body", "model"], "msg": "bad"}]}',
    ],
)
async def test_the_error_shows_the_fields_that_a_provider_names(
    fake: FakeProvider, fake_time: FakeTime, body: bytes
) -> None:
    fake.misbehave("chat", Misbehaviour(status=422, body=body))
    with pytest.raises(PermanentError, match=r"body\.model: bad"):
        await ask(reach(fake, fake_time))


async def test_a_providers_message_is_cut_and_cleaned(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    words = b"a\\u0000b\\r\\n" + b"x" * 5000
    fake.misbehave("chat", Misbehaviour(status=400, body=b'{"message": "%s"}' % words))
    with pytest.raises(PermanentError) as caught:
        await ask(reach(fake, fake_time))
    assert "a b x" in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("wrong", [Misbehaviour.dripping(), Misbehaviour.hanging()])
async def test_one_deadline_covers_the_whole_request(
    fake: FakeProvider, fake_time: FakeTime, wrong: Misbehaviour
) -> None:
    fake.misbehave("chat", wrong)
    started = time.monotonic()
    with pytest.raises(TransientError, match=r"0\.3 s") as caught:
        await ask(reach(fake, fake_time, timeout_sec=0.3, retry_sec=0))
    assert caught.value.code == UNAVAILABLE
    assert time.monotonic() - started < 5


async def test_a_refused_connection_is_a_temporary_failure(fake_time: FakeTime) -> None:
    section = LlmSection(base_url=f"http://127.0.0.1:{free_port()}/v1", retry_sec=0)
    with pytest.raises(TransientError) as caught:
        await ask(Provider(section, timing=fake_time.timing))
    assert caught.value.code == UNAVAILABLE


async def test_the_key_is_sent_and_never_shown(
    fake: FakeProvider, fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.misbehave("chat", Misbehaviour.failing(400, f"your key is {fake.key}, is it?"))
    provider = reach(fake, fake_time)
    with pytest.raises(SecretaryError) as caught:
        await ask(provider)
    assert fake.requests[0].authorization == f"Bearer {fake.key}"
    shown = f"{caught.value} {caught.value.details} {provider.section!r} {caplog.text}"
    assert "[redacted]" in shown
    assert fake.key not in shown


async def test_cancelling_ends_a_request_at_once(fake: FakeProvider, fake_time: FakeTime) -> None:
    fake.misbehave("chat", Misbehaviour.hanging())
    task = asyncio.create_task(ask(reach(fake, fake_time)))
    await until(lambda: fake.requests, "a request")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_at_most_parallel_requests_are_in_flight_for_all_jobs(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("chat", *[Misbehaviour.hanging()] * 2)
    provider = reach(fake, fake_time, parallel=2)
    asking = [asyncio.create_task(ask(provider)) for _ in range(5)]
    await until(lambda: len(fake.requests) == 2, "two requests")
    await asyncio.sleep(0.1)
    assert len(fake.requests) == 2
    for task in asking[:2]:
        task.cancel()
    assert len(await asyncio.gather(*asking[2:])) == 3
    await asyncio.gather(*asking[:2], return_exceptions=True)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, ["llm.api_key", "llm.model"]),
        ({"api_key": "k"}, ["llm.model"]),
        ({"model": "m"}, ["llm.api_key"]),
        ({"model": "m", "base_url": "http://127.0.0.1:11434/v1"}, []),
        ({"model": "m", "api_key": "k"}, []),
    ],
)
def test_the_error_of_an_unconfigured_provider_names_the_settings(
    settings: dict[str, Any], missing: list[str]
) -> None:
    provider = Provider(LlmSection(**settings))
    if not missing:
        provider.check_configured()
        return
    with pytest.raises(PermanentError) as caught:
        provider.check_configured()
    assert caught.value.code == ErrorCode.LLM_NOT_CONFIGURED
    assert caught.value.details == {"settings": missing}
    assert "SECRETARY_LLM__" in caught.value.message
