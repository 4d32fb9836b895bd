"""Results that repeat themselves are stored once, and read as the handler set them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cpu_time import cpu_time_below

from secretary_common.jobs.repetition import NOTE, expanded, reductions, stated_once

WORDS = "Ein Wort, das es nur einmal gibt 🦉. "


def pdf_results(*texts: str, structured: bool = True) -> dict[str, Any]:
    """Return results in the form of a ``pdf`` job's."""
    pages = [{"page": n, "text": text, "method": "native"} for n, text in enumerate(texts, 1)]
    whole = "\n\n".join(f"--- Page {page['page']} ---\n{page['text']}" for page in pages)
    metadata = {"page_count": len(pages), "text_contents": pages, "title": None}
    result = {"extracted_text": whole, "metadata": metadata, "usage": {"pages": len(pages)}}
    return {**result, "structured_data": result} if structured else result


def as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_each_text_is_stored_once() -> None:
    results = pdf_results("eins", WORDS, "")
    once = stated_once(results)
    assert as_text(results).count(WORDS) == 4
    assert as_text(once).count(WORDS) == 1
    assert as_text(expanded(once)) == as_text(results)  # also in the order of keys


@given(texts=st.lists(st.text(max_size=20), max_size=5), structured=st.booleans())
def test_nothing_is_lost(*, texts: list[str], structured: bool) -> None:
    results = pdf_results(*texts, structured=structured)
    kept = as_text(results)
    assert as_text(expanded(stated_once(results))) == kept
    assert as_text(results) == kept


@pytest.mark.parametrize(
    "results",
    [
        {},
        {"extracted_text": "a"},
        {"extracted_text": "a", "metadata": None},
        {"extracted_text": "a", "metadata": {"text_contents": []}},
        {"extracted_text": "a", "metadata": {"text_contents": [{"text": "b"}]}},
        {"extracted_text": "a", "metadata": {"text_contents": ["a"]}},
        {"extracted_text": 1, "metadata": {"text_contents": [{"text": "1"}]}},
        {"a": 1, "structured_data": {"a": 2}},
        {"a": 1, "structured_data": {"a": True}},
        {"a": 1, "structured_data": None},
        {NOTE: {"structured_data": True}},
        {NOTE: 1, "structured_data": {}},
    ],
)
def test_other_results_stay_as_they_are(results: dict[str, Any]) -> None:
    assert stated_once(results) == results
    assert expanded(results) == results
    assert reductions(results) == []


def test_smaller_forms_lack_only_what_is_repeated() -> None:
    results = pdf_results("eins", "zwei")
    first, second = reductions(results)
    rest = {name: value for name, value in results.items() if name != "structured_data"}
    assert first == (rest, ["structured_data"])
    metadata = {"page_count": 2, "title": None}
    short = {**rest, "metadata": metadata}
    assert second == (short, ["structured_data", "metadata.text_contents"])
    assert reductions(stated_once(results)) == [first, second]


def test_a_long_text_costs_little() -> None:
    results = pdf_results(*["ab" * 20_000] * 100)
    with cpu_time_below(2.0):
        expanded(stated_once(results))
