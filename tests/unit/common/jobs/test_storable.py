"""A stored value comes back unchanged; a value that cannot be stored is refused with its path."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntEnum, StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from secretary_common.errors import NotStorable
from secretary_common.jobs.storable import (
    MAX_TEXT_BYTES,
    check_storable,
    cleaned,
    cut_object,
    cut_text,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)


def through_bson(value: Any) -> Any:
    """Return *value* as MongoDB would return it."""
    aware: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
    return bson.decode(bson.encode({"value": value}), codec_options=aware)["value"]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@given(anything)
def test_a_checked_value_comes_back_from_bson_unchanged(value: Any) -> None:
    try:
        check_storable(value)
    except NotStorable:
        return
    assert through_bson(value) == value


@given(anything)
def test_a_cleaned_value_passes_the_check(value: Any) -> None:
    try:
        clean = cleaned(value)
    except NotStorable:
        return
    check_storable(clean)
    assert cleaned(clean) == clean
    assert through_bson(clean) == clean


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, 2**63]}, "root.a[1]"),
        ({"a": -(2**63) - 1}, "root.a"),
        ({"a": {"b": float("nan")}}, "root.a.b"),
        (float("inf"), "root"),
        ({"a\0": 1}, "root.a\ufffd"),
        ({"a": "\ud800"}, "root.a"),
        ({"\udfff": 1}, "root.\ufffd"),
        ({"a": {"$id": 1, "$ref": "x"}}, "root.a"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_with_its_path(value: Any, path: str) -> None:
    with pytest.raises(NotStorable) as raised:
        check_storable(value, "root")
    assert raised.value.message.startswith(f"{path}: ")
    assert raised.value.details
    assert raised.value.details["fields"][0]["field"] == path


@pytest.mark.parametrize(
    "value", [2**63 - 1, -(2**63), "a\0b", "😀", {"$where": 1}, {"a.b": 1}, {"": {}}, nested(100)]
)
def test_a_value_that_bson_holds_is_accepted(value: Any) -> None:
    check_storable(value)
    assert through_bson(value) == value


def test_a_hundred_and_one_levels_are_too_deep() -> None:
    with pytest.raises(NotStorable, match="100 levels"):
        check_storable(nested(101))


def test_a_value_that_contains_itself_is_too_deep() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotStorable, match="100 levels"):
        cleaned(value)


def test_cleaning_repairs_text_keys_and_python_types() -> None:
    class Colour(StrEnum):
        RED = "red"

    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    value = {"a\0": "\ud800x", 1: ("t", Colour.RED), "pair": "\ud83d\ude00", "at": noon}
    clean = cleaned(value)
    assert clean == {"a\ufffd": "\ufffdx", "1": ["t", "red"], "pair": "😀", "at": noon}
    assert type(clean["1"][1]) is str


def test_a_time_is_cleaned_to_the_value_that_mongodb_returns() -> None:
    written = datetime.fromisoformat("2026-01-01T14:00:00.123456+02:00")
    clean = cleaned(written)
    assert clean.isoformat() == "2026-01-01T12:00:00.123000+00:00"
    assert through_bson(written) == clean


def test_an_object_that_fits_is_not_cut() -> None:
    value = {"text": "x" * (MAX_TEXT_BYTES - 100), "n": [1]}
    assert cut_object(value) is value


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.text(max_size=200) | st.lists(st.integers(), max_size=30),
        max_size=20,
    )
)
def test_an_object_is_cut_to_its_limit_and_keeps_its_first_parts(value: dict[str, Any]) -> None:
    cut = cut_object(value, 500)
    assert len(json.dumps(cut, ensure_ascii=False, separators=(",", ":")).encode()) <= 500
    first = next(iter(value.items()), None)
    assert first is None or first[0] in cut


def test_a_cut_object_keeps_its_small_parts_and_the_start_of_its_text() -> None:
    cut = cut_object({"code": 7, "log": "x" * 10**6, "after": [0] * 10**6, "end": True})
    assert (cut["code"], cut["after"], cut["end"]) == (7, "…", True)
    assert cut["log"].startswith("xxx")
    assert 10_000 < len(cut["log"].encode()) <= MAX_TEXT_BYTES


class Level(IntEnum):
    LOW = 1


class Name(str, Enum):  # noqa: UP042 - a common form before StrEnum existed
    X = "x"


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "loud"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Level.LOW, 1),
        (HTTPStatus.OK, 200),
        (Name.X, "x"),
        (Loud("quiet"), "quiet"),
        ({Name.X: Level.LOW}, {"x": 1}),
        ({Level.LOW: [Name.X]}, {"1": ["x"]}),
    ],
)
def test_members_of_enums_are_stored_as_their_values(value: Any, plain: Any) -> None:
    found = cleaned(value)
    assert json.dumps(found) == json.dumps(plain)
    assert through_bson(found) == plain


@pytest.mark.parametrize(
    "moment",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_a_time_outside_the_range_of_utc_is_refused(moment: datetime) -> None:
    with pytest.raises(NotStorable, match=r"^results\.at: "):
        cleaned({"at": moment}, "results")


def test_a_too_deep_value_is_refused_with_its_root() -> None:
    with pytest.raises(NotStorable, match=r"^results: nested deeper than 100 levels"):
        cleaned(nested(101), "results")


def test_a_naive_time_is_utc() -> None:
    naive = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - a handler may write it
    assert cleaned(naive) == datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, Path("x"), object(), {None: 1}, {True: 1}, {"1": 1, 1: 2}]
)
def test_a_value_that_cannot_be_cleaned_is_refused(value: Any) -> None:
    with pytest.raises(NotStorable):
        cleaned(value)


@given(ANY_TEXT, st.integers(min_value=3, max_value=60))
def test_cut_text_fits_and_is_whole_characters(text: str, limit: int) -> None:
    cut = cut_text(text, limit)
    assert len(cut.encode()) <= limit
    assert cut.endswith("…") or len(cut.encode()) == len(cut_text(text).encode())


def test_text_of_exactly_the_limit_is_not_cut() -> None:
    assert cut_text("x" * MAX_TEXT_BYTES) == "x" * MAX_TEXT_BYTES
    assert cut_text("ä" * MAX_TEXT_BYTES).endswith("ä…")
