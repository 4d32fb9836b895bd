"""The transformer and a model server that checks each request and misbehaves."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from support.handler_harness import Recorder, make_job
from support.provider_harness import FakeTime, provider_settings

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JobStatus, JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_devstack.provider import ChatReply, FakeProvider, Misbehaviour
from secretary_documents.handlers.transformer.handler import TransformerHandler
from secretary_documents.providers.chat import ChatClient
from secretary_documents.templates.template_catalog import TemplateCatalog, shipped_templates
from secretary_documents.templates.transformer import Transformer
from secretary_documents.web.page import WebPage

FOUND: JsonObject = {"title": "T", "tags": ["a"], "summary": "S", "key_points": ["K"]}
CUT = ChatReply('{"title": "T", "tags": ["a"], "summary": "S', finish_reason="length")

Run = Callable[..., Awaitable[Recorder]]


class NoPages:
    """Has no page."""

    async def read(self, url: str, resources: ResourceCalculator) -> WebPage:
        raise AssertionError(url)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake
    assert fake.violations == [], "a request does not fit the published schema"


@pytest.fixture
def run(fake: FakeProvider) -> Run:
    async def run(text: str = "the text", **parameters: Any) -> Recorder:
        chat = ChatClient(
            LlmSection(**provider_settings(fake, retry_sec=0)), timing=FakeTime().timing
        )
        recorder = Recorder()
        handler = TransformerHandler(Transformer(TemplateCatalog(), chat), NoPages())
        job = make_job("transformer", text=text, **parameters)
        await handler(job, recorder, ResourceCalculator())
        assert recorder.status is JobStatus.COMPLETED
        return recorder

    return run


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", [info.name for info in shipped_templates()])
async def test_every_shipped_template_makes_a_request_that_is_strictly_valid(
    fake: FakeProvider, run: Run, name: str, language: str
) -> None:
    done = await run(template=name, target_language=language)
    assert done.results is not None
    assert done.results["template"]["name"] == f"{name}_{language}"
    (asked,) = fake.requests_for("chat")
    assert asked.body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    "first",
    [
        'Here you are:\n```json\n{"title": "T"}\n```',
        {"title": "T"},
        {**FOUND, "tags": "a, b"},
        "I cannot do that.",
        "",
    ],
)
async def test_an_answer_that_does_not_fit_is_repaired_once(
    fake: FakeProvider, run: Run, first: Any
) -> None:
    fake.reply_next(first, FOUND)
    done = await run(template="Summary")
    assert done.results is not None
    assert done.results["structured_data"] == FOUND
    assert done.results["llm"]["requests"] == 2


async def test_prose_around_the_object_needs_no_repair(fake: FakeProvider, run: Run) -> None:
    fake.reply_next(
        'Sure!\n```json\n{"title": "T", "tags": [], "summary": "S", "key_points": []}\n```'
    )
    done = await run(template="Summary")
    assert done.results is not None
    assert done.results["llm"]["requests"] == 1


@pytest.mark.parametrize(
    ("replies", "code"),
    [
        (["no", "no"], ErrorCode.LLM_INVALID_OUTPUT),
        ([{"title": "T"}, {"title": 1}], ErrorCode.LLM_INVALID_OUTPUT),
        ([CUT], ErrorCode.LLM_OUTPUT_TRUNCATED),
        ([ChatReply("", refusal="I must not.")], ErrorCode.LLM_REFUSED),
    ],
)
async def test_an_answer_that_cannot_be_repaired_fails_the_job_and_is_never_text(
    fake: FakeProvider, run: Run, replies: list[Any], code: ErrorCode
) -> None:
    fake.reply_next(*replies)
    with pytest.raises(PermanentError) as caught:
        await run(template="Summary")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "wrong", [Misbehaviour.rate_limited("7"), Misbehaviour.failing(500), Misbehaviour.cut_off()]
)
async def test_while_the_server_fails_the_job_is_retried(
    fake: FakeProvider, run: Run, wrong: Misbehaviour
) -> None:
    fake.misbehave("chat", *[wrong] * 10)
    with pytest.raises(TransientError):
        await run(template="Summary")


async def test_a_talk_of_two_hours_is_read_whole_and_the_log_shows_the_usage(
    fake: FakeProvider, run: Run
) -> None:
    minutes = [f"[{minute:03}] " + "gesagt " * 150 + "\n" for minute in range(120)]
    done = await run("".join(minutes), template="MeetingMinutes")
    assert done.results is not None
    parts = done.results["llm"]["parts"]
    read = "".join(asked.body["messages"][-1]["content"] for asked in fake.requests_for("chat"))
    assert all(minute in read for minute in minutes)
    assert done.results["llm"]["requests"] == len(fake.requests_for("chat")) == parts + 1
    tokens = 120 * done.results["llm"]["requests"]  # 100 and 20, as the server reports
    assert ("info", f"text read in {parts} part(s): {parts + 1} requests, {tokens} tokens") in (
        done.logs
    )
