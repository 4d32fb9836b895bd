"""How long a server asks to be left alone: its ``Retry-After`` header. Pure, the time passed in."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

_ENOUGH_DIGITS = 10
"""300 years; more are not worth converting."""


def parse_retry_after(value: str | None, now: datetime, *, longest_sec: float) -> float | None:
    """The seconds a ``Retry-After`` header asks for; None without one, or with garbage in it.

    Both forms of RFC 9110 §10.2.3: a number of seconds, or a date.

    Args:
        value: the header as it came.
        now: the time, for a date; aware.
        longest_sec: no more than this comes back, whatever is asked for; nor less than 0.
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
