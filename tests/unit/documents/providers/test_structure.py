"""Finding a JSON object in a model's answer."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.providers.structure import LONGEST_PROBLEM, read_object

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
ANY = {"type": "object"}


WORDS = st.text(max_size=20)


@given(
    before=WORDS.map(lambda words: words.replace("{", "")),
    data=st.dictionaries(WORDS, WORDS | st.integers() | st.lists(WORDS, max_size=3), max_size=3),
    after=WORDS,
)
def test_an_object_is_found_in_any_prose(before: str, data: dict[str, Any], after: str) -> None:
    assert read_object(f"{before}{json.dumps(data)}{after}", ANY).data == data


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    reading = read_object(text, SCHEMA)
    assert bool(reading.problems) or reading.data is not None


@pytest.mark.parametrize(
    "text",
    ["{" * 200_000, '{"a":' * 100_000, "[" * 200_000, '{"a": ' + "[" * 100_000, "{}" * 200_000],
)
def test_a_hostile_text_is_read_in_time(text: str) -> None:
    started = time.monotonic()
    assert read_object(text, SCHEMA).problems
    assert time.monotonic() - started < 10


def test_the_first_object_that_fits_wins_over_those_that_do_not() -> None:
    assert read_object('{} {"b": 1} {"a": 1} {"a": 2}', SCHEMA).data == {"a": 1}


def test_the_problems_are_those_of_the_largest_object_and_short() -> None:
    text = json.dumps({"a": "x" * 5000, "b": 1})
    problems = read_object(f"{{}} {text}", SCHEMA).problems
    assert any(problem.startswith("a: ") and "integer" in problem for problem in problems)
    assert all(len(problem) < LONGEST_PROBLEM + 50 for problem in problems)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": Infinity}', "[1]", "null", "", "a"])
def test_a_text_without_an_object_is_reported(text: str) -> None:
    reading = read_object(text, ANY)
    assert reading.data is None
    assert reading.problems == ("there is no JSON object in the answer",)
