"""A fault that lasts has a line a minute, and its end has its duration."""

import logging

import pytest

from secretary_common.mongo.store import note_speed
from secretary_common.observing.lasting_fault import LastingFault


class Clock:
    """A time in seconds that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    return [(line.getMessage(), getattr(line, "fields", {})) for line in caplog.records]


def test_a_fault_is_logged_once_a_minute_with_its_duration(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    fault = LastingFault("broker.away", monotonic=clock)
    begun = []
    for _ in range(26):
        begun.append(fault.record(purpose="ring"))
        clock.now += 5
    assert begun == [True, *[False] * 25]
    assert events(caplog) == [
        ("broker.away", {"for_sec": 60, "purpose": "ring"}),
        ("broker.away", {"for_sec": 120, "purpose": "ring"}),
    ]
    assert fault.end() == 130
    assert fault.end() is None
    assert fault.record()


def test_a_slow_mongodb_is_logged_when_it_begins_and_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    slowness = LastingFault("store.slow", monotonic=clock)
    for mean_sec in (0.01, 0.5, 0.4, 0.02, 0.02):
        note_speed(mean_sec, slowness)
        clock.now += 10
    assert events(caplog) == [
        ("store.slow", {"mean_sec": 0.5}),
        ("store.quick", {"lasted_sec": 20}),
    ]
