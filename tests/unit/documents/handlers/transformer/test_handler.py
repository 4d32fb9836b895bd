"""The transformer job: parameters, steps, result."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.chat_double import ChatDouble, document_of, no_model
from support.handler_harness import Recorder, make_job
from support.page_samples import FOSDEM, FOSDEM_URL

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JobStatus
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.transformer.handler import TransformerHandler
from secretary_documents.handlers.transformer.parameters import TransformerParameters
from secretary_documents.providers.chat import ChatModel
from secretary_documents.templates.template_catalog import TemplateCatalog
from secretary_documents.templates.transformer import Transformer
from secretary_documents.web.html import read_html
from secretary_documents.web.page import WebPage

SCHEMA = TransformerParameters.model_json_schema()
ACCEPTED: list[dict[str, Any]] = [
    {"text": "a", "template": "MeetingMinutes"},
    {"url": "https://example.org", "template_content": "{{a|b}}", "context": {"x": [1]}},
    {"text": "a", "source_language": "auto", "target_language": "de"},
    {"text": "a", "template": "S", "additional_field_descriptions": {"mood": "How"}, "model": "m"},
]
REFUSED: list[dict[str, Any]] = [
    {},
    {"text": "a"},
    {"template": "S"},
    {"text": "a", "url": "https://example.org", "template": "S"},
    {"text": "", "template": "S"},
    {"text": "a", "template": "S", "template_content": "x"},
    {"text": "a", "template": "../../etc/passwd"},
    {"text": "a", "template": "S", "target_language": "German"},
    {"text": "a", "template": "S", "target_language": "auto"},
    {"text": "a", "template": "S", "additional_field_descriptions": {"a b": "c"}},
    {"text": "a", "template": "S", "filename": "x"},
    {"text": "a", "template": "S", "context": []},
    {"text": "a", "template_content": "x" * 262_145},
]


@pytest.mark.parametrize("parameters", ACCEPTED)
def test_model_and_schema_accept_the_same(parameters: dict[str, Any]) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(parameters)
    parse_parameters(TransformerParameters, parameters)


@pytest.mark.parametrize("parameters", REFUSED)
def test_model_and_schema_refuse_the_same(parameters: dict[str, Any]) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid(parameters)
    with pytest.raises(PermanentError) as caught:
        parse_parameters(TransformerParameters, parameters)
    assert caught.value.code == ErrorCode.VALIDATION_ERROR


def test_every_field_has_a_description() -> None:
    assert all(field["description"] for field in SCHEMA["properties"].values())


class Pages:
    """Has one page."""

    def __init__(self, html: str) -> None:
        self.html = html

    async def read(self, url: str, resources: ResourceCalculator) -> WebPage:
        return read_html(self.html, url)


async def run(chat: ChatModel, html: str = FOSDEM, **parameters: Any) -> Recorder:
    recorder = Recorder()
    handler = TransformerHandler(Transformer(TemplateCatalog(), chat), Pages(html))
    await handler(make_job("transformer", **parameters), recorder, ResourceCalculator())
    return recorder


SUMMARY = {"title": "T", "tags": ["t"], "summary": "S", "key_points": ["K"]}


async def test_the_result_has_the_documented_shape_and_every_step_is_passed() -> None:
    done = await run(
        ChatDouble(lambda _: SUMMARY), text="long", template="Summary", target_language="de"
    )
    assert done.status is JobStatus.COMPLETED
    assert done.results is not None
    assert done.results["template_fields"] == done.results["structured_data"] == SUMMARY
    assert done.results["template"]["name"] == "Summary_de"
    assert done.results["transformed_text"].startswith('---\ntitle: "T"\ntags: ["t"]\n')
    assert "## Kernaussagen\n\n- K\n" in done.results["transformed_text"]
    assert done.results["language"] == "de"
    assert done.results["llm"]["requests"] == 1
    assert done.results["usage"]["api_calls"] == 1
    percents = [progress.percent for progress in done.progress]
    assert percents == sorted(percents)
    assert {0, 20, 25, 50, 75, 90, 100} <= set(percents)
    steps = list(dict.fromkeys(progress.step for progress in done.progress))
    assert steps == [
        "initializing",
        "loading_template",
        "transforming_text",
        "finalizing",
        "completed",
    ]


async def test_the_parts_of_a_long_text_move_the_progress_and_the_log_shows_the_usage() -> None:
    done = await run(ChatDouble(lambda _: SUMMARY), text="Word. " * 60_000, template="Summary")
    assert done.results is not None
    parts = done.results["llm"]["parts"]
    messages = [progress.message for progress in done.progress]
    assert f"part {parts} of {parts}" in messages
    tokens = sum(done.results["llm"][kind] for kind in ("prompt_tokens", "completion_tokens"))
    entry = (
        f"text read in {parts} part(s): {done.results['llm']['requests']} requests, {tokens} tokens"
    )
    assert ("info", entry) in done.logs


async def test_a_page_is_reduced_to_its_readable_text_before_the_model_sees_it() -> None:
    chat = ChatDouble(lambda _: SUMMARY)
    done = await run(chat, url=FOSDEM_URL, template="Summary")
    read = document_of(chat.asked[0])
    assert "[Slides of the talk](https://conf.example/" in read
    assert "<" not in read
    assert done.results is not None
    assert done.results["page"] == {"url": FOSDEM_URL, "title": "Leases that end"}


async def test_a_page_without_text_has_its_code() -> None:
    with pytest.raises(PermanentError, match="JavaScript") as caught:
        await run(no_model(), "<div id=app></div>", url="https://example.org/", template="Summary")
    assert caught.value.code == ErrorCode.PAGE_EMPTY


async def test_an_unknown_template_fails_before_the_model_is_asked() -> None:
    chat = ChatDouble(lambda _: SUMMARY)
    with pytest.raises(PermanentError) as caught:
        await run(chat, text="a", template="Nope")
    assert caught.value.code == ErrorCode.TEMPLATE_NOT_FOUND
    assert chat.asked == []


async def test_names_without_a_value_become_warnings_of_the_result() -> None:
    done = await run(no_model(), text="a", template_content="{{lost}}{{text}}")
    assert done.results is not None
    assert done.results["transformed_text"] == "a"
    assert done.results["warnings"] == ["'lost' has no value"]
    assert ("warning", "'lost' has no value") in done.logs
