"""The compiled test of a schema and the schema library give the same verdict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.api_harness import PDF

from secretary_api.jobs.schema.compiled_schema import compiled
from secretary_api.jobs.schema.schema_keyword import ParameterValidator
from secretary_common.models import JsonObject
from secretary_documents.handlers.pdf.parameters import PdfParameters

TREE: JsonObject = {
    "$defs": {
        "Node": {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/$defs/Node"}},
        }
    },
    "properties": {"a": {"$ref": "#/$defs/Node"}},
}
names = st.sampled_from(["a", "b", "c"])
numbers = st.sampled_from([-1, 0, 1, 2, 1.0, 1.5])
words = st.sampled_from(["", "a", "b", "abc", "2026-01-31"])
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])


def keywords(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    sizes = st.integers(0, 3)
    return {
        "type": kinds | st.lists(kinds, min_size=1, max_size=3, unique=True),
        "enum": st.lists(words, min_size=1, max_size=3),
        "const": words,
        "format": st.sampled_from(["date", "uuid", "own"]),
        "pattern": st.sampled_from(["^a", "b$", "(?=a)"]),
        "uniqueItems": st.booleans(),
        "items": inner,
        "properties": st.dictionaries(names, inner, max_size=3),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "required": st.lists(names, max_size=2, unique=True),
        "x-at-least": st.dictionaries(names, names, max_size=2),
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "not": inner,
        "title": words,
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), numbers),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), sizes),
        **dict.fromkeys(("minProperties", "maxProperties"), sizes),
    }


def schema_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.sampled_from(list(keywords(inner))).flatmap(
        lambda name: keywords(inner)[name].map(lambda value: {name: value})
    )
    return st.lists(one, max_size=3).map(
        lambda parts: {name: value for part in parts for name, value in part.items()}
    )


schemas = st.recursive(st.booleans(), schema_of, max_leaves=6)


@settings(max_examples=600, deadline=None)
@given(schemas, st.lists(values, min_size=5, max_size=5))
def test_any_schema_accepts_what_the_library_accepts(schema: Any, given: list[Any]) -> None:
    fits = compiled(schema)
    assert fits is not None
    for value in given:
        assert fits(value) == ParameterValidator(schema).is_valid(value), value


@settings(max_examples=100, deadline=None)
@given(values)
def test_a_definition_that_refers_to_itself_is_followed(value: Any) -> None:
    fits = compiled(TREE)
    assert fits is not None
    given = {"a": value}
    assert fits(given) == ParameterValidator(TREE).is_valid(given)


@pytest.mark.parametrize(
    "keyword",
    [
        {"if": {"type": "string"}},
        {"multipleOf": 0.1},
        {"enum": [1, True]},
        {"const": {"a": 1}},
        {"$ref": "#/properties/a"},
        {"$ref": "https://x.org/schema"},
        {"$id": "https://x.org/schema"},
        {"prefixItems": [{"type": "string"}]},
    ],
    ids=str,
)
def test_a_schema_that_needs_the_library_is_left_to_it(keyword: JsonObject) -> None:
    assert compiled({"properties": {"a": keyword}}) is None


@pytest.mark.parametrize("schema", [PDF.parameter_schema, PdfParameters.model_json_schema()])
def test_the_schemas_of_models_are_compiled(schema: JsonObject) -> None:
    assert compiled(schema) is not None
