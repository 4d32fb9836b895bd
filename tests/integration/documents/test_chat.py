"""The chat client: with any server, the answer fits the schema or the error says why."""

import json
from typing import Any

import pytest
from support.provider_harness import FakeTime, provider_settings

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_devstack.provider import ChatReply, Dialect, FakeProvider, Misbehaviour
from secretary_documents.providers.chat import ChatClient, ChatRequest, Message

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "relevance": {"type": ["integer", "null"]},
    },
    "required": ["title", "tags", "relevance"],
    "additionalProperties": False,
}
GOOD = {"title": "Größe", "tags": ["a"], "relevance": 3}
CONVERSATION = (Message("system", "You fill in fields."), Message("user", "The text."))
FIELDS = ChatRequest(CONVERSATION, schema=SCHEMA, schema_name="Meeting Minutes")
WORDS = ChatRequest(CONVERSATION)
ALL = frozenset({"json_schema", "json_object"})


def client(fake: FakeProvider, fake_time: FakeTime, **settings: Any) -> ChatClient:
    return ChatClient(LlmSection(**provider_settings(fake, **settings)), timing=fake_time.timing)


def format_of(asked: JsonObject) -> str:
    kind: str = asked.get("response_format", {"type": "none"})["type"]
    return kind


async def test_a_request_has_a_strict_schema_and_its_usage_is_counted(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.reply_next(GOOD)
    resources = ResourceCalculator()
    prices = {"prompt_price_per_million": 10, "completion_price_per_million": 50}
    answer = await client(fake, fake_time, **prices).ask(FIELDS, resources)
    assert answer.data == GOOD
    assert (answer.prompt_tokens, answer.completion_tokens, answer.requests) == (100, 20, 1)
    assert (answer.model, answer.finish_reason) == ("model-1-2026-01-01", "stop")
    assert resources.usage() == {
        "api_calls": 1,
        "tokens": {"model-1": {"prompt": 100, "completion": 20}},
        "cost": {"total": 0.002, "models": {"model-1": 0.002}},
    }
    wanted = fake.requests[0].body["response_format"]["json_schema"]
    assert (wanted["strict"], wanted["name"]) == (True, "Meeting_Minutes")


async def test_without_a_schema_the_answer_is_text(fake: FakeProvider, fake_time: FakeTime) -> None:
    answer = await client(fake, fake_time).ask(WORDS, ResourceCalculator())
    assert (answer.text, answer.data) == ("You said: The text.", None)
    assert fake.requests[0].body["temperature"] == 0


async def test_a_job_may_name_another_model_without_a_price(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    resources = ResourceCalculator()
    one = client(fake, fake_time, prompt_price_per_million=10)
    await one.ask(ChatRequest(CONVERSATION, model="model-2"), resources)
    assert fake.requests[0].body["model"] == "model-2"
    assert "cost" not in resources.usage()


@pytest.mark.parametrize(
    ("formats", "temperature", "first", "then"),
    [
        (ALL, True, ["json_schema"], ["json_schema"]),
        (frozenset({"json_object"}), True, ["json_schema", "json_object"], ["json_object"]),
        (frozenset(), True, ["json_schema", "json_object", "none"], ["none"]),
        (ALL, False, ["json_schema", "json_schema"], ["json_schema"]),
        (frozenset(), False, ["json_schema", "json_object", "none", "none"], ["none"]),
    ],
)
async def test_a_part_that_a_server_refuses_is_left_out_from_then_on(
    fake_time: FakeTime,
    formats: frozenset[str],
    temperature: bool,  # noqa: FBT001
    first: list[str],
    then: list[str],
) -> None:
    dialect = Dialect(formats=formats, temperature=temperature)
    with FakeProvider(dialect=dialect) as fake:
        one = client(fake, fake_time)
        for expected in (first, then):
            before = len(fake.requests)
            fake.reply_next(GOOD)
            answer = await one.ask(FIELDS, ResourceCalculator())
            assert (answer.data, answer.requests) == (GOOD, 1)
            assert [format_of(asked.body) for asked in fake.requests[before:]] == expected
    assert fake.violations == []


@pytest.mark.parametrize("formats", [frozenset({"json_object"}), frozenset[str]()])
async def test_a_schema_that_the_server_refuses_is_put_in_the_system_message(
    fake_time: FakeTime, formats: frozenset[str]
) -> None:
    with FakeProvider(dialect=Dialect(formats=formats)) as fake:
        fake.reply_next(GOOD)
        await client(fake, fake_time).ask(FIELDS, ResourceCalculator())
    system, user = fake.requests[-1].body["messages"]
    assert system["content"].startswith("You fill in fields.\n\n")
    assert system["content"].endswith(json.dumps(SCHEMA))
    assert user == {"role": "user", "content": "The text."}


async def test_a_refused_schema_does_not_affect_other_schemas(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    words = "Invalid schema for response_format 'answer'"
    fake.misbehave("chat", Misbehaviour.failing(400, words))
    fake.reply_next(GOOD, GOOD)
    one = client(fake, fake_time)
    for _ in range(2):
        await one.ask(FIELDS, ResourceCalculator())
    formats = [format_of(asked.body) for asked in fake.requests]
    assert formats == ["json_schema", "json_object", "json_schema"]


@pytest.mark.parametrize(
    "text",
    [
        "Sure! Here are the fields:\n" + json.dumps(GOOD) + "\nAnything else?",
        "```json\n" + json.dumps(GOOD, indent=2) + "\n```",
        '<think>{"title": 1}</think>\n' + json.dumps(GOOD),
        "An example would be {} but this is it: " + json.dumps(GOOD),
    ],
)
async def test_an_object_in_prose_is_found(
    fake: FakeProvider, fake_time: FakeTime, text: str
) -> None:
    fake.reply_next(text)
    answer = await client(fake, fake_time).ask(FIELDS, ResourceCalculator())
    assert (answer.data, answer.requests) == (GOOD, 1)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"title": "x", "tags": []}, "'relevance' is a required property"),
        ({**GOOD, "relevance": "high"}, "relevance: 'high' is not of type"),
        ({**GOOD, "more": 1}, "'more' was unexpected"),
        ("I see no fields.", "there is no JSON object"),
        ('{"title": NaN, "tags": [], "relevance": 1}', "there is no JSON object"),
        ("", "there is no JSON object"),
    ],
)
async def test_an_answer_that_does_not_fit_is_repaired_once(
    fake: FakeProvider, fake_time: FakeTime, bad: JsonObject | str, problem: str
) -> None:
    fake.reply_next(bad, GOOD)
    resources = ResourceCalculator()
    answer = await client(fake, fake_time).ask(FIELDS, resources)
    assert (answer.data, answer.requests, answer.prompt_tokens) == (GOOD, 2, 200)
    assert resources.usage()["tokens"] == {"model-1": {"prompt": 200, "completion": 40}}
    *_, said, wanted = fake.requests[1].body["messages"]
    assert said["role"] == "assistant"
    assert problem in wanted["content"]
    assert json.dumps(SCHEMA) in wanted["content"]


async def test_an_answer_that_does_not_fit_twice_fails_the_job(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.reply_next({"title": 1}, {"title": 2, "tags": []})
    with pytest.raises(PermanentError) as caught:
        await client(fake, fake_time).ask(FIELDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.LLM_INVALID_OUTPUT
    assert caught.value.details is not None
    assert len(caught.value.details["problems"]) == 2
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (ChatReply(None, refusal="No."), ErrorCode.LLM_REFUSED),
        (ChatReply(None, finish_reason="content_filter"), ErrorCode.LLM_REFUSED),
        (ChatReply('{"title": "Gr', finish_reason="length"), ErrorCode.LLM_OUTPUT_TRUNCATED),
    ],
)
@pytest.mark.parametrize("request_", [FIELDS, WORDS])
async def test_a_refusal_and_a_cut_answer_are_no_answer(
    fake: FakeProvider,
    fake_time: FakeTime,
    reply: ChatReply,
    code: ErrorCode,
    request_: ChatRequest,
) -> None:
    fake.reply_next(reply)
    resources = ResourceCalculator()
    with pytest.raises(PermanentError) as caught:
        await client(fake, fake_time).ask(request_, resources)
    assert caught.value.code == code
    assert len(fake.requests) == 1
    assert "tokens" in resources.usage()


async def test_an_empty_text_is_no_answer(fake: FakeProvider, fake_time: FakeTime) -> None:
    fake.reply_next(" \n")
    with pytest.raises(PermanentError) as caught:
        await client(fake, fake_time).ask(WORDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.LLM_INVALID_OUTPUT


async def test_without_reported_tokens_the_count_is_zero(fake_time: FakeTime) -> None:
    with FakeProvider(dialect=Dialect(usage=False)) as fake:
        answer = await client(fake, fake_time).ask(WORDS, ResourceCalculator())
    assert (answer.prompt_tokens, answer.completion_tokens) == (0, 0)


async def test_an_invalid_count_of_tokens_counts_as_zero(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    body = (
        b'{"choices": [{"message": {"content": "Good."}}],'
        b' "usage": {"prompt_tokens": "many", "completion_tokens": -5}}'
    )
    fake.misbehave("chat", Misbehaviour(status=200, body=body))
    answer = await client(fake, fake_time).ask(WORDS, ResourceCalculator())
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Good.", 0, 0)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"choices": []}', b'{"choices": [{"message": "hi"}]}', b'{"choices": null}'],
)
async def test_a_response_of_another_form_is_invalid(
    fake: FakeProvider, fake_time: FakeTime, body: bytes
) -> None:
    fake.misbehave("chat", Misbehaviour(status=200, body=body))
    with pytest.raises(PermanentError) as caught:
        await client(fake, fake_time).ask(WORDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.PROVIDER_INVALID_ANSWER


async def test_the_text_parts_of_an_answer_are_the_answer(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Well."}]
    body = {"choices": [{"message": {"role": "assistant", "content": parts}}]}
    fake.misbehave("chat", Misbehaviour(status=200, body=json.dumps(body).encode()))
    answer = await client(fake, fake_time).ask(WORDS, ResourceCalculator())
    assert answer.text == "Well."


async def test_while_the_provider_is_busy_the_job_waits_for_its_next_attempt(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("chat", Misbehaviour.failing(500), Misbehaviour.rate_limited("120"))
    with pytest.raises(TransientError) as caught:
        await client(fake, fake_time).ask(FIELDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.PROVIDER_RATE_LIMITED
    assert caught.value.retry_after == 120


async def test_a_lone_surrogate_is_sent_as_a_question_mark(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    odd = ChatRequest((Message("user", "a\ud800b 😀"),))
    answer = await client(fake, fake_time).ask(odd, ResourceCalculator())
    assert answer.text == "You said: a?b 😀"


async def test_without_a_key_nothing_is_sent_and_the_settings_are_named() -> None:
    with pytest.raises(PermanentError, match=r"llm\.api_key and llm\.model") as caught:
        await ChatClient(LlmSection()).ask(WORDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.LLM_NOT_CONFIGURED
