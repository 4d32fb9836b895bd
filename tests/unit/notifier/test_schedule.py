"""The times of repeated attempts."""

from datetime import UTC, datetime, timedelta

from secretary_common.settings.service import NotifierSection
from secretary_notifier import schedule
from secretary_notifier.schedule import next_attempt_at

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
TERMINAL = NotifierSection().retry_schedule_sec
HOUR = 3600


def wait_after(attempts: int, *, random: float = 0.0, retry_after: float | None = None) -> float:
    at = next_attempt_at(
        TERMINAL,
        attempts,
        now=NOW,
        created_at=NOW,
        random=random,
        retry_after_sec=retry_after,
    )
    assert at is not None
    return (at - NOW).total_seconds()


def test_terminal_events_follow_the_published_table() -> None:
    waits = [wait_after(attempts) for attempts in range(1, 10)]
    hours = [2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
    assert waits == [5, 300, 1800, *hours]


def test_the_tenth_attempt_is_the_last() -> None:
    assert next_attempt_at(TERMINAL, 10, now=NOW, created_at=NOW, random=0) is None


def test_progress_is_tried_twice() -> None:
    waits = schedule.PROGRESS_SCHEDULE_SEC
    again = next_attempt_at(waits, 1, now=NOW, created_at=NOW, random=0)
    assert again == NOW + timedelta(seconds=2)
    assert next_attempt_at(waits, 2, now=NOW, created_at=NOW, random=0) is None


def test_jitter_only_adds_and_at_most_a_tenth() -> None:
    assert wait_after(2, random=0.0) == 300
    assert 300 < wait_after(2, random=0.999) < 330


def test_the_longer_wait_of_schedule_and_retry_after_counts() -> None:
    assert wait_after(1, retry_after=60) == 60
    assert wait_after(2, retry_after=60) == 300


def test_no_attempt_is_made_five_days_after_the_creation() -> None:
    created_at = NOW - timedelta(days=5) + timedelta(seconds=10)
    assert next_attempt_at(TERMINAL, 1, now=NOW, created_at=created_at, random=0) is not None
    assert next_attempt_at(TERMINAL, 2, now=NOW, created_at=created_at, random=0) is None
