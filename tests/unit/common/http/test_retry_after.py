"""The ``Retry-After`` header of a server."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_common.http.retry_after import parse_retry_after

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DAY = 86400.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("86400", DAY),
        ("86401", DAY),
        ("9" * 400, DAY),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90),
        ("Thursday, 01-Jan-26 12:01:30 GMT", 90),
        ("Thu, 01 Jan 2026 13:01:30 +0100", 90),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("Fri, 01 Jan 2027 12:00:00 GMT", DAY),
    ],
)
def test_seconds_and_dates_are_read_and_capped(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW, longest_sec=DAY) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-5",
        "1.5",
        "\u0661\u0662",
        "12 seconds",
        "Thu, 01 Jan 2026",
        "Thu, 01 Jan 2026 12:01:30",
        "Thu, 99 Jan 2026 12:00:00 GMT",
        f"Thu, 01 Jan {'9' * 20} 12:00:00 GMT",
        f"Thu, 01 Jan 2026 12:00:00 +{'9' * 20}",
        "x" * 5000,
    ],
)
def test_garbage_is_ignored(value: str | None) -> None:
    assert parse_retry_after(value, NOW, longest_sec=DAY) is None


def test_the_caller_sets_the_cap() -> None:
    assert parse_retry_after("120", NOW, longest_sec=60) == 60
    assert parse_retry_after("Thu, 01 Jan 2026 12:02:00 GMT", NOW, longest_sec=60) == 60


@given(st.text(alphabet="0123456789+-:,. \tJanFebMonGMTZ()") | st.text())
def test_no_header_value_raises(value: str) -> None:
    asked = parse_retry_after(value, NOW, longest_sec=DAY)
    assert asked is None or 0 <= asked <= DAY
