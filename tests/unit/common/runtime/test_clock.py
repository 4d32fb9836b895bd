import math
from datetime import UTC, datetime, timedelta

import pytest
from bson import tz_util

from secretary_common.runtime.clock import ManualClock, ServerClock, SystemClock


def test_times_are_aware_and_whole_milliseconds() -> None:
    for clock in (SystemClock(), ServerClock(), ManualClock()):
        assert clock.now().tzinfo is UTC
        assert clock.now().microsecond % 1000 == 0


def test_the_server_clock_follows_the_server_and_returns_the_offset() -> None:
    clock = ServerClock()
    ahead = datetime.now(UTC) + timedelta(hours=1)
    offset = clock.synchronise(ahead, round_trip_sec=0.0)
    assert -3601 < offset < -3599
    assert abs((clock.now() - ahead).total_seconds()) < 1


def test_the_times_of_a_server_clock_are_utc_whatever_the_time_zone_of_the_answer() -> None:
    clock = ServerClock()
    clock.synchronise(datetime.now(tz_util.utc), round_trip_sec=0.0)
    assert clock.now().tzinfo is UTC


def test_a_manual_clock_changes_only_by_advance() -> None:
    clock = ManualClock()
    before = clock.now()
    assert clock.advance(1.5) - before == timedelta(seconds=1.5)


class Ticks:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_slow_answer_does_not_replace_a_quick_one() -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    server = datetime(2030, 1, 1, tzinfo=UTC)
    clock.synchronise(server, 0.002)
    ticks.seconds += 10
    # The answer took all of 1.2 s on its way back, so half of the round trip would be 0.6 s wrong.
    clock.synchronise(server + timedelta(seconds=10), 1.2)
    assert clock.now() == server + timedelta(seconds=10.001)


def test_a_quicker_answer_replaces_a_slow_one() -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    server = datetime(2030, 1, 1, tzinfo=UTC)
    clock.synchronise(server, 1.0)
    clock.synchronise(server, 0.004)
    assert clock.now() == server + timedelta(seconds=0.002)


def test_a_clock_that_was_set_is_followed_even_after_a_slow_answer() -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    server = datetime(2030, 1, 1, tzinfo=UTC)
    clock.synchronise(server, 0.002)
    clock.synchronise(server - timedelta(seconds=60), 1.0)
    assert clock.now() == server - timedelta(seconds=59.5)


def test_an_old_offset_becomes_inexact() -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    server = datetime(2030, 1, 1, tzinfo=UTC)
    clock.synchronise(server, 0.002)
    ticks.seconds += 3600
    drifted = server + timedelta(seconds=3600.02)
    clock.synchronise(drifted, 0.2)  # more exact now than an offset that was read an hour ago
    assert clock.now() == drifted + timedelta(seconds=0.1)


def test_a_clock_knows_how_far_it_may_be_off() -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    assert clock.error_sec() == math.inf
    clock.synchronise(datetime(2030, 1, 1, tzinfo=UTC), 0.004)
    assert clock.error_sec() == 0.002
    ticks.seconds += 10
    assert clock.error_sec() == pytest.approx(0.003)  # a real clock may drift in the meantime
