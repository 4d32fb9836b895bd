"""Where a page of jobs, of deliveries or of log entries ends, as text."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from secretary_api.http.errors import refused_fields
from secretary_common.models import Delivery, Job, LogEntry

_ENTRY = re.compile(r"(\d{1,9}):(\d{1,9})", re.ASCII)
_SEQ = re.compile(r"\d{1,18}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_of(job: Job) -> str:
    """The cursor of the page that follows *job*."""
    return cursor_after(job.created_at, job.job_id)


def cursor_after(created_at: datetime, identity: str) -> str:
    """The cursor of the page that follows what was made at *created_at* under this id."""
    moment = (created_at - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(f"{moment}:{identity}".encode()).decode().rstrip("=")


def parse_cursor(cursor: str) -> tuple[datetime, str]:
    """The (created_at, job_id) that *cursor* was made of.

    Raises:
        InvalidRequest: naming the field ``cursor``: it is none of ours.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        moment, _, job_id = text.partition(":")
        if job_id:
            return _EPOCH + timedelta(milliseconds=int(moment)), job_id
    except (binascii.Error, ValueError, OverflowError):
        pass  # refused below, as a cursor without an id is
    raise refused_fields(("cursor", "is not a cursor of this listing"))


def event_cursor_of(delivery: Delivery) -> str:
    """The cursor of what follows *delivery* among those of its job: its ``seq``."""
    return str(delivery.seq)


def parse_event_cursor(cursor: str) -> int:
    """The ``seq`` in *cursor*.

    Raises:
        InvalidRequest: naming the field ``cursor``.
    """
    if _SEQ.fullmatch(cursor):
        return int(cursor)
    raise refused_fields(("cursor", "is not a cursor of this listing"))


def entry_cursor_of(entry: LogEntry) -> str:
    """The cursor of what follows *entry*: ``attempt:seq``, as clients may make it themselves."""
    return f"{entry.attempt}:{entry.seq}"


def parse_entry_cursor(cursor: str) -> tuple[int, int]:
    """The (attempt, seq) in *cursor*.

    Raises:
        InvalidRequest: naming the field ``after``.
    """
    if found := _ENTRY.fullmatch(cursor):
        return int(found[1]), int(found[2])
    raise refused_fields(("after", "is not the place of a log entry: attempt:seq"))
