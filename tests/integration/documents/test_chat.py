"""The chat client: whatever the server speaks, the answer fits the schema, or the job says why."""

import json
from typing import Any

import pytest
from support.provider_harness import Passing, access

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resources import ResourceCalculator
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
TALK = (Message("system", "You fill in fields."), Message("user", "The text."))
FIELDS = ChatRequest(TALK, schema=SCHEMA, schema_name="Meeting Minutes")
WORDS = ChatRequest(TALK)
ALL = frozenset({"json_schema", "json_object"})


def client(fake: FakeProvider, passing: Passing, **settings: Any) -> ChatClient:
    return ChatClient(LlmSection(**access(fake, **settings)), timing=passing.timing)


def format_of(asked: JsonObject) -> str:
    kind: str = asked.get("response_format", {"type": "none"})["type"]
    return kind


async def test_an_answer_is_asked_for_by_a_strict_schema_and_counted(
    fake: FakeProvider, passing: Passing
) -> None:
    fake.reply_next(GOOD)
    resources = ResourceCalculator()
    prices = {"prompt_price_per_million": 10, "completion_price_per_million": 50}
    answer = await client(fake, passing, **prices).ask(FIELDS, resources)
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


async def test_without_a_schema_the_answer_is_text(fake: FakeProvider, passing: Passing) -> None:
    answer = await client(fake, passing).ask(WORDS, ResourceCalculator())
    assert (answer.text, answer.data) == ("You said: The text.", None)
    assert fake.requests[0].body["temperature"] == 0


async def test_a_job_may_name_another_model_whose_price_is_not_known(
    fake: FakeProvider, passing: Passing
) -> None:
    resources = ResourceCalculator()
    one = client(fake, passing, prompt_price_per_million=10)
    await one.ask(ChatRequest(TALK, model="model-2"), resources)
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
async def test_what_a_server_refuses_by_name_is_left_out_and_remembered(
    passing: Passing,
    formats: frozenset[str],
    temperature: bool,  # noqa: FBT001
    first: list[str],
    then: list[str],
) -> None:
    dialect = Dialect(formats=formats, temperature=temperature)
    with FakeProvider(dialect=dialect) as fake:
        one = client(fake, passing)
        for expected in (first, then):
            before = len(fake.requests)
            fake.reply_next(GOOD)
            answer = await one.ask(FIELDS, ResourceCalculator())
            assert (answer.data, answer.requests) == (GOOD, 1)
            assert [format_of(asked.body) for asked in fake.requests[before:]] == expected
    assert fake.violations == []


@pytest.mark.parametrize("formats", [frozenset({"json_object"}), frozenset[str]()])
async def test_a_schema_the_server_does_not_take_stands_in_the_system_message(
    passing: Passing, formats: frozenset[str]
) -> None:
    with FakeProvider(dialect=Dialect(formats=formats)) as fake:
        fake.reply_next(GOOD)
        await client(fake, passing).ask(FIELDS, ResourceCalculator())
    system, user = fake.requests[-1].body["messages"]
    assert system["content"].startswith("You fill in fields.\n\n")
    assert system["content"].endswith(json.dumps(SCHEMA))
    assert user == {"role": "user", "content": "The text."}


async def test_one_schema_that_is_refused_says_nothing_of_others(
    fake: FakeProvider, passing: Passing
) -> None:
    words = "Invalid schema for response_format 'answer'"
    fake.misbehave("chat", Misbehaviour.failing(400, words))
    fake.reply_next(GOOD, GOOD)
    one = client(fake, passing)
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
async def test_an_object_between_words_is_found(
    fake: FakeProvider, passing: Passing, text: str
) -> None:
    fake.reply_next(text)
    answer = await client(fake, passing).ask(FIELDS, ResourceCalculator())
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
async def test_an_answer_that_does_not_fit_is_mended_once(
    fake: FakeProvider, passing: Passing, bad: JsonObject | str, problem: str
) -> None:
    fake.reply_next(bad, GOOD)
    resources = ResourceCalculator()
    answer = await client(fake, passing).ask(FIELDS, resources)
    assert (answer.data, answer.requests, answer.prompt_tokens) == (GOOD, 2, 200)
    assert resources.usage()["tokens"] == {"model-1": {"prompt": 200, "completion": 40}}
    *_, said, wanted = fake.requests[1].body["messages"]
    assert said["role"] == "assistant"
    assert problem in wanted["content"]
    assert json.dumps(SCHEMA) in wanted["content"]


async def test_an_answer_that_does_not_fit_twice_fails_the_job(
    fake: FakeProvider, passing: Passing
) -> None:
    fake.reply_next({"title": 1}, {"title": 2, "tags": []})
    with pytest.raises(PermanentError) as caught:
        await client(fake, passing).ask(FIELDS, ResourceCalculator())
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
    fake: FakeProvider, passing: Passing, reply: ChatReply, code: ErrorCode, request_: ChatRequest
) -> None:
    fake.reply_next(reply)
    resources = ResourceCalculator()
    with pytest.raises(PermanentError) as caught:
        await client(fake, passing).ask(request_, resources)
    assert caught.value.code == code
    assert len(fake.requests) == 1
    assert "tokens" in resources.usage()


async def test_an_empty_text_is_no_answer(fake: FakeProvider, passing: Passing) -> None:
    fake.reply_next(" \n")
    with pytest.raises(PermanentError) as caught:
        await client(fake, passing).ask(WORDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.LLM_INVALID_OUTPUT


async def test_a_server_that_does_not_count_tokens_is_counted_as_none(passing: Passing) -> None:
    with FakeProvider(dialect=Dialect(usage=False)) as fake:
        answer = await client(fake, passing).ask(WORDS, ResourceCalculator())
    assert (answer.prompt_tokens, answer.completion_tokens) == (0, 0)


async def test_an_odd_count_of_tokens_spoils_no_answer(
    fake: FakeProvider, passing: Passing
) -> None:
    body = (
        b'{"choices": [{"message": {"content": "Good."}}],'
        b' "usage": {"prompt_tokens": "many", "completion_tokens": -5}}'
    )
    fake.misbehave("chat", Misbehaviour(status=200, body=body))
    answer = await client(fake, passing).ask(WORDS, ResourceCalculator())
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("Good.", 0, 0)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"choices": []}', b'{"choices": [{"message": "hi"}]}', b'{"choices": null}'],
)
async def test_an_answer_of_another_kind_is_told_as_such(
    fake: FakeProvider, passing: Passing, body: bytes
) -> None:
    fake.misbehave("chat", Misbehaviour(status=200, body=body))
    with pytest.raises(PermanentError) as caught:
        await client(fake, passing).ask(WORDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.PROVIDER_INVALID_ANSWER


async def test_parts_of_an_answer_that_are_text_are_the_answer(
    fake: FakeProvider, passing: Passing
) -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Well."}]
    body = {"choices": [{"message": {"role": "assistant", "content": parts}}]}
    fake.misbehave("chat", Misbehaviour(status=200, body=json.dumps(body).encode()))
    answer = await client(fake, passing).ask(WORDS, ResourceCalculator())
    assert answer.text == "Well."


async def test_a_provider_that_is_busy_leaves_the_job_to_its_next_attempt(
    fake: FakeProvider, passing: Passing
) -> None:
    fake.misbehave("chat", Misbehaviour.failing(500), Misbehaviour.rate_limited("120"))
    with pytest.raises(TransientError) as caught:
        await client(fake, passing).ask(FIELDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.PROVIDER_RATE_LIMITED
    assert caught.value.retry_after == 120


async def test_text_that_no_encoding_knows_is_sent_as_a_question_mark(
    fake: FakeProvider, passing: Passing
) -> None:
    odd = ChatRequest((Message("user", "a\ud800b 😀"),))
    answer = await client(fake, passing).ask(odd, ResourceCalculator())
    assert answer.text == "You said: a?b 😀"


async def test_without_a_key_nothing_is_sent_and_the_settings_are_named() -> None:
    with pytest.raises(PermanentError, match=r"llm\.api_key and llm\.model") as caught:
        await ChatClient(LlmSection()).ask(WORDS, ResourceCalculator())
    assert caught.value.code == ErrorCode.LLM_NOT_CONFIGURED
