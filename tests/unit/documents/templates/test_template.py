"""Parsing templates, and the errors of invalid ones."""

import hashlib
import time
from contextlib import suppress
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.templates.template import (
    MAX_TEMPLATE_BYTES,
    faults,
    parse_template,
    schema_of,
)

MINUTES = """\
---
tags: {{tags|What are the 10 most important keywords?}}
track: {{track}}
relevance: {{relevance:int|From 1 to 10}}
Type: Besprechung
---
# {{title|A fitting title}}
{{summary|Summarise: who said {what}, and why?}} {{title|Another description}} {{text}}
{{rows:list<page:int, title>|Every slide}}
--- systemprompt
You are a secretary.
"""


def test_fields_are_in_order_with_their_first_description_and_their_type() -> None:
    fields = parse_template(MINUTES).fields
    assert [(field.name, field.description, str(field.type)) for field in fields] == [
        ("tags", "What are the 10 most important keywords?", "list"),
        ("relevance", "From 1 to 10", "int"),
        ("title", "A fitting title", "text"),
        ("summary", "Summarise: who said {what}, and why?", "text"),
        ("rows", "Every slide", "list<page:int, title:text>"),
    ]


def test_the_hash_is_that_of_the_whole_template() -> None:
    assert parse_template(MINUTES).sha256 == hashlib.sha256(MINUTES.encode()).hexdigest()


def test_the_schema_is_strict_everything_required_nothing_else_allowed() -> None:
    schema = schema_of(parse_template(MINUTES).fields)
    Draft202012Validator.check_schema(schema)
    row = schema["properties"]["rows"]["items"]
    for found in (schema, row):
        assert found["additionalProperties"] is False
        assert found["required"] == list(found["properties"])
    assert schema["properties"]["title"] == {
        "type": ["string", "null"],
        "description": "A fitting title",
    }
    assert row["properties"]["page"] == {"type": ["integer", "null"]}


GOOD: dict[str, Any] = {
    "tags": ["a"],
    "relevance": 3,
    "title": None,
    "summary": "s",
    "rows": [{"page": 1, "title": None}],
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"relevance": None, "tags": [], "rows": []}, None),
        ({"relevance": True}, "relevance: must be of the type int"),
        ({"relevance": 1.5}, "relevance: must be of the type int"),
        ({"tags": "a"}, "tags: must be of the type list"),
        ({"tags": None}, "tags: must be of the type list"),
        ({"tags": [1]}, "tags: must be of the type list"),
        ({"title": ["x"]}, "title: must be of the type text"),
        ({"rows": [{"page": 1}]}, "rows: must be of the type list<page:int, title:text>"),
        ({"rows": [{"page": "1", "title": "x"}]}, "rows: must be of the type list<page:int"),
        ({"more": 1}, "more: is not a field"),
    ],
)
def test_an_answer_is_checked_as_its_schema_says(change: dict[str, Any], fault: str | None) -> None:
    fields = parse_template(MINUTES).fields
    answer = {**GOOD, **change}
    found = faults(fields, answer)
    assert Draft202012Validator(schema_of(fields)).is_valid(answer) is (fault is None)
    assert [one.startswith(fault) for one in found] == [True] if fault else found == []


def test_a_missing_field_is_named() -> None:
    fields = parse_template(MINUTES).fields
    assert faults(fields, {name: GOOD[name] for name in GOOD if name != "title"}) == [
        "title: is missing"
    ]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{a:date|x}}", "'date' is not a type"),
        ("{{a:list<x:list>|y}}", "'x:list' is not a column"),
        ("{{a:list<>|y}}", "is not a column"),
        ("{{a:list<x, x>|y}}", "is not a column"),
        ("{{a|" + "x" * 5001 + "}}", "more than 5000 characters"),
        ("".join(f"{{{{f{n}|x}}}}" for n in range(201)), "at most 200 fields"),
        ("---\nkey: [1\n---\n", "line 2: invalid YAML"),
        ("---\na: b: c\n---\n", "line 1: invalid YAML"),
        ("---\n- a\n---\n", "must be keys with values"),
        ("---\njust text\n---\n", "must be keys with values"),
        ("---\n{{a|b}}\n---\n", "must be keys with values"),
        ("---\n{{a|b}}: c\n---\n", "a key cannot be a field"),
        ("---\na: {{b-c|d}}\n---\n", "a key must be a text"),
        ("---\na: 1\na: 2\n---\n", "'a' occurs more than once"),
        ("---\na: &x 1\nb: *x\n---\n", "anchors, aliases and tags"),
        ("---\na: !!python/object:os.system x\n---\n", "anchors, aliases and tags"),
        ("---\na: 2026-13-01\n---\n", "front matter"),
        ("---\na: \x07\n---\n", "invalid YAML"),
        ("---\na: \ue000\n---\n", "private use"),
        ("---\na: " + "[" * 10_000 + "\n---\n", "nested deeper than 20"),
        ("x" * (MAX_TEMPLATE_BYTES + 1), "at most 262144 bytes"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_its_reason(
    template: str, problem: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_template(template)
    assert caught.value.code == ErrorCode.TEMPLATE_INVALID
    assert problem in caught.value.message


def test_other_braces_are_text() -> None:
    text = "{{x^2}} {{ a b }} {{}} {{|x}} {a} }} {{ {{{x^2}}} {{1a}} $\\frac{{a}_1}}{b}$"
    assert parse_template(text).body == (text,)


def test_a_thematic_break_at_the_top_is_no_front_matter() -> None:
    assert parse_template("---\nText without an end").front_matter is None


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference() -> None:
    changed = parse_template("\ufeff" + MINUTES.replace("\n", "\r\n"))
    same = parse_template(MINUTES)
    assert (changed.fields, changed.body, changed.front_matter, changed.system) == (
        (same.fields, same.body, same.front_matter, same.system)
    )


@pytest.mark.parametrize(
    "unit", ["{{", "}}", "{{a|", "{{a|b}}", "{", "{{{", "---\n", "{{ ", "\n--- systemprompt x"]
)
def test_the_largest_template_is_read_in_linear_time(unit: str) -> None:
    """Quadratic time would be minutes."""
    content = "x" + unit * ((MAX_TEMPLATE_BYTES - 1) // len(unit))
    before = time.process_time()
    with suppress(PermanentError):  # too many fields, a description too long
        parse_template(content)
    assert time.process_time() - before < 20
