from datetime import UTC, datetime, timedelta

from secretary_common.clock import ManualClock, ServerClock, SystemClock


def test_times_are_aware_and_whole_milliseconds() -> None:
    for clock in (SystemClock(), ServerClock(), ManualClock()):
        assert clock.now().tzinfo is UTC
        assert clock.now().microsecond % 1000 == 0


def test_the_server_clock_follows_the_server_and_tells_the_offset() -> None:
    clock = ServerClock()
    ahead = datetime.now(UTC) + timedelta(hours=1)
    offset = clock.synchronise(ahead, round_trip_sec=0.0)
    assert -3601 < offset < -3599
    assert abs((clock.now() - ahead).total_seconds()) < 1


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock()
    before = clock.now()
    assert clock.advance(1.5) - before == timedelta(seconds=1.5)
