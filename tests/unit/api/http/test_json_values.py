"""Values are counted in the text of a body: outside strings, and in linear time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_api.http.json_values import has_more_values

PADDING = b" " * 5000
texts = st.text('",[{\\é ', max_size=8)
values = st.recursive(
    st.integers(0, 9) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def counted(value: Any) -> int:
    """Return the commas and opening brackets of *value* as JSON."""
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(0, len(value) - 1) + sum(map(counted, inner))


@given(values, st.booleans())
def test_only_what_stands_outside_strings_counts(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    raw = json.dumps(value, ensure_ascii=ascii_only).encode() + PADDING
    number = counted(value)
    assert not has_more_values(raw, number)
    if number:
        assert has_more_values(raw, number - 1)


@pytest.mark.parametrize("unit", ["[],", "{},", "1,", '"",', "[", '{"a":'])
def test_a_large_body_of_many_values_is_found(unit: str) -> None:
    raw = unit.encode() * (2_000_000 // len(unit))
    assert has_more_values(raw, 200_000)


@pytest.mark.parametrize("text", [",[{" * 600_000, '",\\"[' * 400_000, "\\" * 1_000_001])
def test_a_large_text_is_one_value(text: str) -> None:
    assert not has_more_values(json.dumps({"text": text}).encode(), 1000)


def test_another_encoding_hides_no_values() -> None:
    raw = ('["\u0122"' + ",1" * 300_000 + "]").encode("utf-16")  # 0x22 is a quote in UTF-8
    assert has_more_values(raw, 200_000)


def test_a_string_without_an_end_ends_the_search() -> None:
    assert not has_more_values(b'["' + b"," * 300_000, 200_000)
