"""Time, injectable: the system's, the server's, and one a test moves by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the current time comes from."""

    def now(self) -> datetime:
        """The time now: aware, UTC, whole milliseconds (what MongoDB keeps)."""
        ...


def to_milliseconds(moment: datetime) -> datetime:
    """*moment* cut to whole milliseconds, so that it survives MongoDB unchanged."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class SystemClock:
    """This machine's wall clock."""

    def now(self) -> datetime:
        """The wall clock's time."""
        return to_milliseconds(datetime.now(UTC))


class ServerClock:
    """MongoDB's time: a monotonic clock plus the offset the last ``synchronise`` found.

    Leases of many machines are compared with one another; the one clock all of them share is the
    server's. Until it is synchronised it runs on this machine's wall clock.
    """

    def __init__(self) -> None:
        self._base = datetime.now(UTC) - timedelta(seconds=time.monotonic())

    def now(self) -> datetime:
        """The server's time as far as it is known here."""
        return to_milliseconds(self._base + timedelta(seconds=time.monotonic()))

    def synchronise(self, server_now: datetime, round_trip_sec: float) -> float:
        """Take over the server's *server_now*, read *round_trip_sec* long ago at most.

        Returns this machine's wall clock minus the server's, in seconds.
        """
        server_now += timedelta(seconds=round_trip_sec / 2)
        self._base = server_now - timedelta(seconds=time.monotonic())
        return (datetime.now(UTC) - server_now).total_seconds()


class ManualClock:
    """A clock for tests: it stands still until told."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = to_milliseconds(start or datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """The time it was last set to."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Move on by *seconds* and return the new time."""
        self._now = to_milliseconds(self._now + timedelta(seconds=seconds))
        return self._now
