"""What is logged about attempts."""

import logging
from datetime import UTC, datetime

import pytest

from secretary_common.models import Delivery, DeliveryState, Phase
from secretary_common.runtime.clock import ManualClock
from secretary_notifier.attempt_log import AttemptLog
from secretary_notifier.metrics import DELIVERIES_UNOPENED
from secretary_notifier.verdict import Answer, DeliveryVerdict

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DELIVERY = Delivery(
    delivery_id="msg_job-1_7",
    job_id="job-1",
    owner="key-1",
    seq=7,
    run=1,
    phase=Phase.COMPLETED,
    url="https://example.com/",
    origin="https://example.com:443",
    body=b"{}",
    created_at=NOW,
)
WITHOUT_KEY = Answer(at=NOW, duration_ms=0, error="secret: sealed with an unknown key")


def test_a_missing_key_is_an_error_in_the_log_at_most_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    attempt_log = AttemptLog(clock)
    before = _counted()
    for seconds in (0, 0, 0, 59, 1):
        clock.advance(seconds)
        attempt_log.log_outcome(DELIVERY, WITHOUT_KEY, DeliveryVerdict(DeliveryState.PENDING))
    lines = [record for record in caplog.records if record.msg == "delivery.unopened"]
    assert [line.levelno for line in lines] == [logging.ERROR] * 2
    assert [getattr(line, "fields")["count"] for line in lines] == [1, 4]  # noqa: B009 - untyped
    assert _counted() - before == 5


def _counted() -> float:
    [metric] = DELIVERIES_UNOPENED.collect()
    return metric.samples[0].value
