"""That a key is missing is said, and not said each time."""

import logging

import pytest

from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.metrics import DELIVERIES_UNOPENED
from secretary_notifier.unopened import Unopened


def test_a_missing_key_is_an_error_in_the_log_at_most_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    unopened = Unopened(clock)
    before = _counted()
    for _ in range(3):
        unopened.note()
    clock.advance(59)
    unopened.note()
    clock.advance(1)
    unopened.note()
    lines = [record for record in caplog.records if record.msg == "delivery.unopened"]
    assert [line.levelno for line in lines] == [logging.ERROR] * 2
    assert [getattr(line, "fields")["count"] for line in lines] == [1, 4]  # noqa: B009 - untyped
    assert _counted() - before == 5


def _counted() -> float:
    [metric] = DELIVERIES_UNOPENED.collect()
    return metric.samples[0].value
