"""The ``Retry-After`` header. Pure functions: the caller passes the time."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

_ENOUGH_DIGITS = 10
"""300 years; more digits are not converted."""


def parse_retry_after(value: str | None, now: datetime, *, longest_sec: float) -> float | None:
    """Return the seconds of a ``Retry-After`` header; None if it is missing or invalid.

    RFC 9110 §10.2.3 allows two forms: a number of seconds, or a date.

    Args:
        value: the value of the header.
        now: the current time, for a date; aware.
        longest_sec: the largest result; the smallest is 0.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:_ENOUGH_DIGITS]), longest_sec)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return min(max((moment - now).total_seconds(), 0.0), longest_sec)
