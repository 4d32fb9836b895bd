"""The check of parameters against a schema, and its messages."""

from __future__ import annotations

from typing import Any

import pytest
from support.cpu_time import cpu_time_below

from secretary_api.jobs.parameters import ParameterCheck
from secretary_common.errors import InvalidRequest
from secretary_common.models import JobTypeInfo

UNIQUE = "must not name anything twice"
NAME = {"enum": ["a", "b"], "type": "string"}
NAMES = {"type": "array", "items": NAME, "minItems": 1}


def check(schema: Any, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the refused fields with their messages."""
    try:
        ParameterCheck(JobTypeInfo("t", schema))(parameters)
    except InvalidRequest as error:
        fields = (error.details or {})["fields"]
        return [(one["field"], one["message"]) for one in fields]
    return []


def of_x(rule: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"x": rule}}


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        ({"type": "string"}, 1, "must be text"),
        ({"type": ["string", "null"]}, 1, "must be text or null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "must be text"),
        ({"anyOf": [NAME, NAMES]}, "c", "must be one of a, b"),
        ({"anyOf": [NAME, NAMES]}, [], "must have at least 1 items"),
        ({"anyOf": [NAME, NAMES]}, 7, "must be text or a list"),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            [],
            "must be text or a whole number",
        ),
        ({"enum": ["a", "b"]}, "c", "must be one of a, b"),
        ({"const": 1}, 2, "must be 1"),
        ({"maximum": 1}, 2, "must be at most 1"),
        ({"exclusiveMinimum": 0}, 0, "must be greater than 0"),
        ({"minLength": 2}, "a", "must have at least 2 characters"),
        ({"pattern": "^a$"}, "b", "must match ^a$"),
        ({"pattern": "^a$"}, "a\n", "must match ^a$"),
        ({"maxItems": 1}, [1, 2], "must have at most 1 items"),
        ({"not": {}}, 1, "is not valid (not)"),
    ],
)
def test_a_broken_rule_is_described_in_words(rule: Any, value: Any, message: str) -> None:
    assert check(of_x(rule), {"x": value}) == [("parameters.x", message)]


def test_names_that_exclude_each_other_are_named() -> None:
    schema = {"not": {"required": ["a", "b"]}}
    assert check(schema, {"a": 1, "b": 2}) == [("parameters", "a, b exclude each other")]
    assert check(schema, {"a": 1}) == []


def test_a_number_may_be_the_lower_bound_of_another() -> None:
    schema = {"x-at-least": {"last": "first"}}
    below = [("parameters.last", "must be at least first")]
    assert check(schema, {"first": 3, "last": 2}) == below
    for fine in ({"first": 3, "last": 3}, {"last": 2}, {"first": 3}, {"first": "3", "last": 2}, {}):
        assert check(schema, fine) == []


@pytest.mark.parametrize("bounds", [7, ["last"], {"last": 7}, {"last": ["first"]}, {"last": None}])
def test_an_invalid_bound_is_ignored(bounds: Any) -> None:
    assert check({"x-at-least": bounds}, {"first": 3, "last": 2}) == []


def test_every_missing_name_is_reported_once() -> None:
    schema = {"required": ["a", "b"]}
    missing = [("parameters.a", "is required"), ("parameters.b", "is required")]
    assert check(schema, {}) == missing


def test_references_are_followed_to_the_field_they_concern() -> None:
    schema = {
        "$defs": {"Page": {"properties": {"n": {"type": "integer"}}}},
        "properties": {"pages": {"items": {"$ref": "#/$defs/Page"}}},
    }
    found = check(schema, {"pages": [{"n": 1}, {"n": "x"}]})
    assert found == [("parameters.pages[1].n", "must be a whole number")]


def test_an_optional_null_counts_as_absent_and_a_required_null_stays() -> None:
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = {
        "properties": {"a": nullable, "b": nullable, "c": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert check(schema, {"a": None, "b": "x"}) == []
    assert check(schema | {"required": ["a"]}, {"a": None}) == []
    assert check(schema, {"a": "x", "c": None}) == [("parameters.c", "must be text")]


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": 7},
        of_x({"$ref": "#/$defs/nowhere"}),
        of_x({"$ref": "http://127.0.0.1:9/schema"}),
    ],
)
def test_with_a_broken_schema_only_the_worker_checks(schema: Any) -> None:
    """No request is refused because of the schema, and no reference is fetched."""
    assert check(schema, {"x": 1}) == []


def test_at_most_twenty_fields_are_reported() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    assert len(check(schema, {str(n): n for n in range(1000)})) == 20


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 100_000 + "!", "must match ^(a+)+$"),
        ({"pattern": r"\s+$"}, " " * 100_000 + "!", r"must match \s+$"),
        ({"uniqueItems": True}, [[index] for index in range(50_000)] + [1, "1", 1.0], UNIQUE),
        ({"uniqueItems": True}, [{"a": [1, None]}, {"a": [1.0, None]}], UNIQUE),
        ({"patternProperties": {"(x+x+)+y": {}}}, {"x" * 50_000: 1}, None),
    ],
)
def test_a_keyword_takes_time_in_proportion_to_the_value(
    rule: Any, value: Any, message: str | None
) -> None:
    with cpu_time_below(2):
        found = check(of_x(rule), {"x": value})
    assert found == ([("parameters.x", message)] if message else [])


def test_numbers_differ_from_truth_values_in_unique_items() -> None:
    assert (
        check(of_x({"uniqueItems": True}), {"x": [1, True, 0, False, "1", None, [1], [True]]}) == []
    )


def test_names_that_fit_a_pattern_are_checked_and_others_refused() -> None:
    numbers = {"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False}
    schema = of_x({**numbers, "properties": {"a": {"type": "string"}}})
    assert check(schema, {"x": {"n_1": 1, "a": "b"}}) == []
    assert check(schema, {"x": {"n_1": "b"}}) == [("parameters.x.n_1", "must be a whole number")]
    assert [message for _, message in check(schema, {"x": {"m": 1}})] == [
        "there is no such parameter"
    ]


def test_other_names_are_checked_by_the_schema_for_them() -> None:
    schema = {"additionalProperties": {"type": "integer"}}
    assert check(schema, {"a": 1}) == []
    assert check(schema, {"a": "1"}) == [("parameters.a", "must be a whole number")]


def test_a_pattern_that_no_linear_engine_supports_is_left_to_the_worker() -> None:
    assert check(of_x({"pattern": r"^(?=a)\w+$"}), {"x": "b"}) == []
