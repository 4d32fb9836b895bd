"""Fields described by a JSON Schema of the job: checked, asked for, and filled by a model."""

from __future__ import annotations

from typing import Any

import pytest
from support.chat_double import ChatDouble, document_of

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_devstack.provider.schema import strict_fault
from secretary_documents.providers.chat import ChatRequest
from secretary_documents.templates.json_fields import MOST_BYTES, JsonFields
from secretary_documents.templates.model_query import REQUEST_TOKENS
from secretary_documents.templates.template_catalog import TemplateCatalog
from secretary_documents.templates.transformer import FoundFields, Transformer, TransformRequest

INVOICE: JsonObject = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "number": {
            "type": "string",
            "pattern": "^R-[0-9]+$",
            "description": "The invoice's number",
        },
        "total": {"type": "number", "minimum": 0},
        "due": {"type": "string"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
    },
    "required": ["number", "total"],
    "$defs": {
        "item": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "amount": {"type": "integer"}},
            "required": ["name"],
        }
    },
}
GOOD: JsonObject = {
    "number": "R-12",
    "total": 7.5,
    "due": None,
    "items": [{"name": "Pen", "amount": None}],
}


async def fill(answer: Any, text: str = "the text", schema: JsonObject = INVOICE) -> FoundFields:
    chat = answer if isinstance(answer, ChatDouble) else ChatDouble(lambda _: answer)
    transformer = Transformer(TemplateCatalog(), chat)
    request = TransformRequest(text=text)
    return await transformer.fill_in(JsonFields(schema), request, ResourceCalculator())


def refusal(schema: JsonObject) -> str:
    with pytest.raises(PermanentError) as caught:
        JsonFields(schema)
    assert caught.value.code == ErrorCode.FIELDS_INVALID
    return caught.value.message


async def test_a_model_fills_in_the_schema_and_absent_properties_are_left_out() -> None:
    found = await fill(GOOD)
    assert found.data == {"number": "R-12", "total": 7.5, "items": [{"name": "Pen"}]}
    assert found.usage.requests == 1


@pytest.mark.parametrize("partial", [True, False])
def test_a_provider_gets_the_schema_in_its_strict_form(partial: bool) -> None:  # noqa: FBT001
    schema = JsonFields(INVOICE).schema(partial=partial)
    assert strict_fault(schema) is None
    assert "$ref" not in str(schema)
    number = schema["properties"]["number"]
    assert "pattern: ^R-[0-9]+$" in str(number["anyOf"][0] if partial else number)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"number": "12"}, "number: pattern"),
        ({"total": -1}, "total: minimum"),
        ({"items": [{"name": None}]}, "items.0.name: type"),
    ],
)
async def test_a_wrong_answer_is_repaired_once(wrong: JsonObject, problem: str) -> None:
    answers = iter([{**GOOD, **wrong}, GOOD])
    chat = ChatDouble(lambda _: next(answers))
    found = await fill(chat)
    assert found.data["number"] == "R-12"
    assert found.usage.requests == 2
    assert problem in chat.asked[1].messages[-1].content


async def test_an_answer_that_stays_wrong_fails_and_its_values_are_not_in_the_message() -> None:
    with pytest.raises(PermanentError, match="number: pattern") as caught:
        await fill({**GOOD, "number": "geheim"})
    assert caught.value.code == ErrorCode.LLM_INVALID_OUTPUT
    assert "geheim" not in f"{caught.value.message} {caught.value.details}"


async def test_a_long_text_is_read_in_parts_in_which_required_values_may_be_unknown() -> None:
    unknown = dict.fromkeys(GOOD)

    def answer(request: ChatRequest) -> JsonObject:
        return GOOD if "R-12" in document_of(request) else unknown

    text = "word " * REQUEST_TOKENS + "Invoice R-12"
    chat = ChatDouble(answer)
    found = await fill(chat, text)
    assert found.usage.parts > 1
    assert found.data["number"] == "R-12"
    kinds = [request.schema["properties"]["number"] for request in chat.asked if request.schema]
    assert "anyOf" in kinds[0]
    assert kinds[-1]["type"] == "string", "the combined answer must have what is required"


def nested(depth: int) -> JsonObject:
    schema: JsonObject = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return {"type": "object", "properties": {"a": schema}}


def doubling(count: int) -> JsonObject:
    """Return a schema that has 2 to the power of *count* parts without its references."""
    definitions: JsonObject = {"d0": {"type": "string"}}
    for number in range(1, count):
        part = {"$ref": f"#/$defs/d{number - 1}"}
        definitions[f"d{number}"] = {"type": "object", "properties": {"a": part, "b": part}}
    last = {"$ref": f"#/$defs/d{count - 1}"}
    return {"type": "object", "properties": {"a": last}, "$defs": definitions}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "properties.a.type"),
        ({"type": "object", "properties": {"a": {"$ref": "http://x.y/z"}}}, "does not refer"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "does not refer"),
        ({"$id": "http://x.y/z", "type": "object", "properties": {"a": {}}}, "is not supported"),
        ({"type": "object", "properties": {"a": {"pattern": r"(a)\1"}}}, "is not supported"),
        ({"type": "object", "patternProperties": {"a": {}}}, "patternProperties"),
        (nested(60), "nested too deeply"),
        (nested(5000), "nested too deeply"),
        (doubling(40), "too large"),
        ({"type": "object", "properties": {"a" * MOST_BYTES: {}}}, "bytes"),
    ],
    ids=[
        "type",
        "url",
        "root",
        "id",
        "back reference",
        "names",
        "deep",
        "deeper",
        "doubling",
        "size",
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: JsonObject, words: str) -> None:
    assert words in refusal(schema)


def test_a_schema_that_refers_to_itself_is_refused() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}}
    refers = {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}}}
    assert "refers to itself" in refusal({**refers, "$defs": {"tree": tree}})


@pytest.mark.parametrize("keyword", ["unevaluatedProperties", "additionalProperties"])
def test_a_reference_counts_in_every_keyword_with_a_schema(keyword: str) -> None:
    number = {"n": {"type": "integer"}}
    fields = JsonFields({"type": "object", keyword: {"$ref": "#/$defs/n"}, "$defs": number})
    assert fields.problems({"a": 1}, partial=False) == []
    assert fields.problems({"a": "x"}, partial=False)


def test_a_pattern_runs_on_an_engine_that_does_not_backtrack() -> None:
    fields = JsonFields({"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}})
    # An engine that backtracks would need longer than any test may take.
    assert fields.problems({"a": "a" * 5000 + "!"}, partial=False)
