"""Time, injectable: the system's, the server's, and one a test moves by hand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

DRIFT = 1e-4
"""How far two machines' clocks may part, in seconds a second: far more than crystals do."""


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

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """*monotonic*: seconds that only ever grow."""
        self._monotonic = monotonic
        self._base = datetime.now(UTC) - timedelta(seconds=monotonic())
        self._error_sec = math.inf
        self._read_at = 0.0

    def now(self) -> datetime:
        """The server's time as far as it is known here."""
        return to_milliseconds(self._base + timedelta(seconds=self._monotonic()))

    def synchronise(self, server_now: datetime, round_trip_sec: float) -> float:
        """Take over the server's *server_now*, read *round_trip_sec* long ago at most.

        A slow answer tells little: the time it speaks of may be anywhere in its round trip. So it
        only counts if it is more exact than what is known, or contradicts it: then the server's
        clock was set, or it is another server's.

        Returns this machine's wall clock minus the server's, in seconds.
        """
        monotonic, error_sec = self._monotonic(), round_trip_sec / 2
        base = server_now + timedelta(seconds=error_sec - monotonic)
        known_to_sec = self._error_sec + DRIFT * (monotonic - self._read_at)
        contradicts = abs((base - self._base).total_seconds()) > error_sec + known_to_sec
        if error_sec <= known_to_sec or contradicts:
            self._base, self._error_sec, self._read_at = base, error_sec, monotonic
        return (datetime.now(UTC) - self.now()).total_seconds()


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
