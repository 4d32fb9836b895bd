"""Clocks to inject: the machine's, MongoDB's, and one that tests set."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

DRIFT = 1e-4
"""The assumed drift of a clock, in seconds per second; far more than real clocks have."""


def elapsed_sec() -> float:
    """Return seconds that never decrease; on Linux the time of a suspended machine counts."""
    if sys.platform == "linux":  # there ``time.monotonic`` does not count that time
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current time: aware, UTC, whole milliseconds (MongoDB's precision)."""
        ...


def to_milliseconds(moment: datetime) -> datetime:
    """Return *moment* cut to whole milliseconds, so that MongoDB stores it unchanged."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _at(unix_sec: float) -> datetime:
    """Return the time *unix_sec* seconds after 1970, cut to whole milliseconds."""
    # First rounded to microseconds: a float of this size is exact to a quarter of one.
    return datetime.fromtimestamp(round(unix_sec * 1e6) // 1000 / 1000, UTC)


class SystemClock:
    """This machine's wall clock."""

    def now(self) -> datetime:
        """Return the time of the wall clock."""
        return _at(time.time())


class ServerClock:
    """MongoDB's time: a monotonic clock plus the offset that ``synchronise`` measured.

    Workers on many machines compare their leases; the only clock that they share is the server's.
    Before the first ``synchronise``, the time is that of this machine's wall clock.
    """

    def __init__(self, monotonic: Callable[[], float] = elapsed_sec) -> None:
        """*monotonic* returns seconds that never decrease."""
        self._monotonic = monotonic
        self._base_sec = time.time() - monotonic()
        """The Unix time of the server when the monotonic clock was 0."""
        self._error_sec = math.inf
        self._read_at = 0.0

    def now(self) -> datetime:
        """Return the server's time, as precisely as it is known."""
        return _at(self._base_sec + self._monotonic())

    def error_sec(self) -> float:
        """Return how far ``now`` may be from the server's time, in seconds; at first infinite."""
        return self._error_sec + DRIFT * (self._monotonic() - self._read_at)

    def synchronise(self, server_now: datetime, round_trip_sec: float) -> float:
        """Use the server's time *server_now*, which was read at most *round_trip_sec* ago.

        A slow answer is inexact, because the server may have read its clock at any moment of the
        round trip. So an answer is used only if it is more exact than the known offset, or if it
        contradicts the known offset: the clock was set, or another server answered.

        Returns this machine's wall clock minus the server's, in seconds.
        """
        monotonic, error_sec = self._monotonic(), round_trip_sec / 2
        base_sec = server_now.timestamp() + error_sec - monotonic
        known_to_sec = self.error_sec()
        contradicts = abs(base_sec - self._base_sec) > error_sec + known_to_sec
        if error_sec <= known_to_sec or contradicts:
            self._base_sec, self._error_sec, self._read_at = base_sec, error_sec, monotonic
        return time.time() - (self._base_sec + self._monotonic())


class ManualClock:
    """A clock for tests; only ``advance`` changes its time."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = to_milliseconds(start or datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the time that was set last."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Add *seconds* and return the new time."""
        self._now = to_milliseconds(self._now + timedelta(seconds=seconds))
        return self._now
