"""Cursors: texts that say where a page of jobs, deliveries or log entries ends."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from secretary_api.http.errors import refused_fields
from secretary_common.models import Delivery, LogEntry

_ENTRY = re.compile(r"(\d{1,9}):(\d{1,9})", re.ASCII)
_MOMENT = re.compile(r"-?\d{1,18}", re.ASCII)
_SEQ = re.compile(r"\d{1,18}", re.ASCII)
LONGEST_ID = 200
AFTER_ALL = "~"
"""Sorts after every delivery id."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_after(created_at: datetime, identity: str) -> str:
    """Return the cursor of the page after the item with this creation time and id."""
    moment = (created_at - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(f"{moment}:{identity}".encode()).decode().rstrip("=")


def parse_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the creation time and the id in *cursor*.

    Raises:
        InvalidRequest: *cursor* is not valid; the error names the field ``cursor``.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        moment, _, job_id = text.partition(":")
        if job_id:
            return _EPOCH + timedelta(milliseconds=_whole(moment)), job_id
    except (binascii.Error, ValueError, OverflowError):
        pass  # refused below, like a cursor without an id
    raise refused_fields(("cursor", "is not a cursor of this listing"))


def _whole(text: str) -> int:
    """Return the number in *text*; ``int`` would also read 1_0."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("is not a number")
    return int(text)


def event_cursor_of(delivery: Delivery) -> str:
    """Return the cursor of the page after *delivery* within its job: ``seq:id``."""
    return f"{delivery.seq}:{delivery.delivery_id}"


def parse_event_cursor(cursor: str) -> tuple[int, str]:
    """Return the ``seq`` and the delivery id in *cursor*; a ``seq`` alone ends all its deliveries.

    Raises:
        InvalidRequest: *cursor* is not valid; the error names the field ``cursor``.
    """
    seq, _, delivery_id = cursor.partition(":")
    if _SEQ.fullmatch(seq) and len(delivery_id) <= LONGEST_ID:
        return int(seq), delivery_id or AFTER_ALL
    raise refused_fields(("cursor", "is not a cursor of this listing"))


def entry_cursor_of(entry: LogEntry) -> str:
    """Return the cursor of the page after *entry*: ``attempt:seq``, which clients may also make."""
    return f"{entry.attempt}:{entry.seq}"


def parse_entry_cursor(cursor: str) -> tuple[int, int]:
    """Return the attempt and the ``seq`` in *cursor*.

    Raises:
        InvalidRequest: *cursor* is not valid; the error names the field ``after``.
    """
    if found := _ENTRY.fullmatch(cursor):
        return int(found[1]), int(found[2])
    raise refused_fields(("after", "is not the place of a log entry: attempt:seq"))
