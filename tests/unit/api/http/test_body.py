"""JSON bodies are read as Python's own parser reads them, and the same values are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secretary_api.http import body
from secretary_common.errors import SecretaryError
from secretary_common.jobs.storable import check_storable

texts = st.text(st.characters(exclude_categories=()), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**30, -0.0, 1e22, 5e-324])
    | st.floats()
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.one_of(
    values.map(json.dumps).map(str.encode),
    values.map(lambda value: json.dumps(value, ensure_ascii=False)).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    ),
    values.map(json.dumps).map(lambda text: text.encode("utf-16")),
    st.text('{}[]",:0123456789.eE+-\\u tfnNaI\n', max_size=20).map(str.encode),
)


def read(raw: bytes) -> Any:
    """Return the value of *raw* as text in which 1 and 1.0 differ, or the refusal."""
    try:
        return repr(body.parse_json(raw))
    except SecretaryError as error:
        return error.code, error.message, error.details


def read_by_python(raw: bytes) -> Any:
    """Return the same without the faster parser."""
    try:
        value = body._parsed_by_python(raw)
        check_storable(value)
        return repr(value)
    except SecretaryError as error:
        return error.code, error.message, error.details


@settings(max_examples=500, deadline=None)
@given(documents)
@example(b'{"a": 123456789012345678901234567890}')
@example(b'{"a": {"b": NaN}}')
@example(b'{"a": 1e999}')
@example(b'{"a": 1, "a": 2}')
@example(b'{"a": "\\ud800"}')
@example(b'{"a\\u0000": 1}')
@example(b'{"$ref": 1, "$id": 2}')
@example(b"[" * 101 + b"]" * 101)
@example(b"[" * 5000 + b"]" * 5000)
@example(b"1" * 5000)
@example(b"\xef\xbb\xbf{}")
@example(b"-0")
def test_a_body_is_read_as_python_reads_it(raw: bytes) -> None:
    assert read(raw) == read_by_python(raw)


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("application/problem+json", True),
        ("text/json", False),
        ("", False),
    ],
)
def test_the_media_type_says_whether_a_body_is_json(content_type: str, *, is_json: bool) -> None:
    assert body._is_json(content_type) is is_json
