"""When the breaker opens, and when it closes."""

from datetime import UTC, datetime, timedelta

import pytest

from secretary_notifier.fairness.breaker import Breaker

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Subject:
    """A breaker and a clock."""

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.now = START

    def attempt(self, outcomes: str) -> None:
        """Make an attempt for each character: ``x`` fails, ``.`` does not, ``?`` says nothing."""
        for outcome in outcomes:
            assert self.allows
            self.breaker.begin()
            self.breaker.note(failed={"x": True, ".": False, "?": None}[outcome], now=self.now)

    def after(self, seconds: float) -> "Subject":
        self.now += timedelta(seconds=seconds)
        return self

    @property
    def allows(self) -> bool:
        return self.breaker.allows(self.now, 0)


def opened() -> Subject:
    subject = Subject()
    subject.attempt("x" * 10)
    assert not subject.allows
    return subject


def test_ten_failures_in_a_row_open_it_and_nine_do_not() -> None:
    subject = Subject()
    subject.attempt("." * 100 + "x" * 9)
    assert subject.allows
    subject.attempt("x")
    assert not subject.allows


def test_a_success_ends_the_row_of_failures() -> None:
    subject = Subject()
    subject.attempt("." * 20 + "x" * 9 + "." + "x" * 9)
    assert subject.allows


@pytest.mark.parametrize(("outcomes", "after"), [("...xxxxxxx", "open"), ("....xxxxxx", "closed")])
def test_seven_of_ten_failures_open_it(outcomes: str, after: str) -> None:
    subject = Subject()
    subject.attempt(outcomes)
    assert ("closed" if subject.allows else "open") == after


def test_fewer_than_ten_attempts_do_not_open_it() -> None:
    subject = Subject()
    subject.attempt(".xxxxxxxx")
    assert subject.allows


def test_attempts_older_than_five_minutes_do_not_count() -> None:
    subject = Subject()
    subject.attempt("xxxxxx")
    subject.after(301).attempt(".xxx")
    assert subject.allows
    subject.attempt(".....")
    assert subject.allows


def test_open_for_thirty_seconds_it_lets_one_probe_through() -> None:
    subject = opened()
    assert not subject.after(29.9).allows
    assert subject.after(0.1).allows
    subject.breaker.begin()
    assert not subject.allows, "one probe at a time"


def test_a_probe_waits_for_attempts_in_flight() -> None:
    subject = opened().after(30)
    assert not subject.breaker.allows(subject.now, 1)


def test_a_successful_probe_closes_it_and_forgets() -> None:
    subject = opened().after(30)
    subject.attempt(".")
    subject.attempt("x" * 9)
    assert subject.allows
    subject.attempt("x")
    assert subject.breaker.open_until == subject.now + timedelta(seconds=30)


def test_each_failed_probe_doubles_the_wait_up_to_fifteen_minutes() -> None:
    subject = opened()
    waits = []
    for _ in range(7):
        until = subject.breaker.open_until
        assert until is not None
        waits.append((until - subject.now).total_seconds())
        subject.now = until
        subject.attempt("x")
    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_a_probe_that_says_nothing_is_repeated() -> None:
    subject = opened().after(30)
    subject.attempt("?")
    assert subject.allows
    assert subject.breaker.open_until is not None, "the next attempt is still a probe"


def test_attempts_that_end_after_it_opened_do_not_count() -> None:
    subject = opened()
    until = subject.breaker.open_until
    for failed in [True, False, None]:
        subject.breaker.note(failed=failed, now=subject.after(1).now)
    assert subject.breaker.open_until == until


def test_it_is_idle_when_it_remembers_nothing() -> None:
    subject = Subject()
    subject.attempt("x")
    assert not subject.breaker.is_idle(subject.now)
    assert subject.breaker.is_idle(subject.after(300).now)
    assert not opened().breaker.is_idle(START + timedelta(days=1))
