"""JSON in pieces: the same bytes as in one piece, but never all in memory at once."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from secretary_common.jobs.storable import cleaned
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_worker.attempt.commands import Results
from secretary_worker.attempt.json_stream import json_pieces, least_size

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["", '"\\\x00\x1f\x7f', "ä€😀" * 9]),
    st.datetimes(timezones=st.just(UTC)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=40,
)


@given(VALUES, st.integers(1, 40))
def test_the_pieces_are_the_json_and_none_is_empty(value: Any, size: int) -> None:
    pieces = list(json_pieces(value, size))
    assert b"".join(pieces) == to_json(value)
    assert all(pieces)


@given(VALUES, st.integers(0, 100))
def test_no_json_is_smaller_than_its_least_size(value: Any, enough: int) -> None:
    assert least_size(value, enough) <= len(to_json(value))
    assert least_size(value, 10**9) <= len(to_json(value))


def test_pieces_have_about_the_requested_size() -> None:
    value = {"text": "x" * 100_000, "pages": [{"n": n, "text": "y" * 90} for n in range(1000)]}
    sizes = [len(piece) for piece in json_pieces(value, 1000)]
    assert max(sizes) < 2 * 1000
    assert len(sizes) < 220


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("character", ["x", "ä", "\n"])
def test_results_stand_in_the_job_up_to_exactly_the_limit(character: str, more: int) -> None:
    room = INLINE_RESULTS_BYTES - len(to_json({"text": ""}))
    count, rest = divmod(room, len(to_json(character)) - 2)
    value = {"text": character * count + "x" * (rest + more)}
    assert Results(value).value == (None if more else value)


async def test_the_json_of_large_results_is_never_in_memory_as_a_whole() -> None:
    text = "Prüfung 😀 " * 500_000
    given = {"text": text, "at": datetime(2026, 1, 1, tzinfo=UTC), "pages": [text, text]}
    given["structured_data"] = dict(given)
    tracemalloc.start()
    try:
        results = Results(cleaned(given))
        size = 0
        async for piece in results.pieces():
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 6 * len(text)
    assert peak < size / 2
