"""What a server's headers mean."""

from datetime import UTC, datetime

import pytest

from secretary_common.clock import ManualClock
from secretary_worker.web.download import parse_retry_after

CLOCK = ManualClock(datetime(2026, 1, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("99999999999999", 86400.0),
        ("9" * 400, 86400.0),
        ("-5", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 12:00:30", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_garbage_is_ignored(
    header: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(header, CLOCK) == seconds
