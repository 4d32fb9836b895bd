"""The verdict on a delivery after an answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretary_common.models import Delivery, DeliveryState, Obstacles, Phase
from secretary_notifier import verdict as rules
from secretary_notifier.verdict import Answer, DeliveryVerdict, decide

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SCHEDULE = (0.0, 5.0, 300.0)


def delivery(phase: Phase = Phase.COMPLETED, tries: int = 0) -> Delivery:
    return Delivery(
        delivery_id="msg_job-1_7",
        job_id="job-1",
        owner="key-1",
        seq=7,
        run=1,
        phase=phase,
        url="https://example.com/",
        origin="https://example.com:443",
        body=b"{}",
        created_at=NOW,
        next_attempt_at=NOW,
        tries=tries,
    )


def verdict(answer: Answer, tries: int = 0, phase: Phase = Phase.COMPLETED) -> DeliveryVerdict:
    return decide(delivery(phase, tries), answer, NOW, SCHEDULE, 0.0)


def answer(status_code: int | None, **fields: Any) -> Answer:
    return Answer(at=NOW, duration_ms=3, status_code=status_code, **fields)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("status_code", [200, 201, 202, 204, 299])
def test_any_2xx_delivers(status_code: int) -> None:
    assert verdict(answer(status_code)).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("status_code", [300, 301, 302, 304, 307, 308, 400, 401, 404, 500, 503])
def test_any_other_answer_is_tried_again(status_code: int) -> None:
    assert verdict(answer(status_code)) == DeliveryVerdict(DeliveryState.PENDING, after(5))


def test_no_answer_is_tried_again() -> None:
    failed = answer(None, error="connect: refused")
    assert verdict(failed) == DeliveryVerdict(DeliveryState.PENDING, after(5))


def test_a_2xx_whose_body_never_ended_is_delivered() -> None:
    cut = answer(200, error="timeout: no complete answer within 15 s")
    assert verdict(cut).state is DeliveryState.DELIVERED


def test_410_ends_it() -> None:
    assert verdict(answer(410)).state is DeliveryState.DEAD


def test_a_spent_schedule_ends_it() -> None:
    assert verdict(answer(500), tries=1).next_attempt_at == after(300)
    ended = verdict(answer(500), tries=2)
    assert (ended.state, ended.next_attempt_at) == (DeliveryState.DEAD, None)


@pytest.mark.parametrize("status_code", [429, 503])
def test_a_busy_receiver_gets_the_wait_it_asks_for(status_code: int) -> None:
    asked = answer(status_code, retry_after="60")
    assert verdict(asked).next_attempt_at == after(60)


def test_retry_after_in_other_answers_is_ignored() -> None:
    assert verdict(answer(500, retry_after="60")).next_attempt_at == after(5)


def test_progress_has_its_own_short_schedule() -> None:
    assert verdict(answer(500), phase=Phase.PROCESSING).next_attempt_at == after(2)
    assert verdict(answer(500), 1, Phase.PROCESSING).state is DeliveryState.DEAD


def test_an_overtaken_progress_is_dropped_and_a_terminal_event_kept() -> None:
    standing = Obstacles(is_overtaken=True, is_muted=False)
    for phase, state in (
        (Phase.PROCESSING, DeliveryState.DROPPED),
        (Phase.FAILED, DeliveryState.SUPERSEDED),
    ):
        found = rules.decide_before_sending(delivery(phase), standing, NOW)
        assert found is not None
        assert found.state is state


def test_a_delivery_without_obstacles_is_sent() -> None:
    standing = Obstacles(is_overtaken=False, is_muted=False)
    assert rules.decide_before_sending(delivery(), standing, NOW) is None


def test_a_delivery_without_a_key_waits_twice_as_long_each_time_within_bounds() -> None:
    ages = [0.0, 5.0, 10.0, 20.0, 299.0, 301.0, 10_000.0]
    waits = [rules.decide_without_key(delivery(), after(age), 5.0).next_attempt_at for age in ages]
    assert waits == [after(moment) for moment in (5, 10, 20, 40, 598, 601, 10_300)]


@pytest.mark.parametrize(
    ("status_code", "error", "failed"),
    [
        (200, None, False),
        (301, None, False),
        (404, None, False),
        (410, None, False),
        (101, "upgrade: 101 Switching Protocols, which the request did not ask for", False),
        (408, None, True),
        (429, None, True),
        (500, None, True),
        (599, None, True),
        (None, "connect: refused", True),
        (None, "connection_lost: reset", True),
        (None, "protocol: not HTTP", None),
        (500, "protocol: too long a header", True),
        (404, "protocol: too long a header", None),
        (404, "timeout: no complete answer within 15 s", True),
        (200, "timeout: no complete answer within 15 s", False),
        (101, "timeout: no complete answer within 15 s", True),
        (None, "url_refused: this URL leads to an address that is not allowed", None),
        (None, "secret: sealed with an unknown key", None),
        (None, "request: the token or the URL cannot be sent", None),
    ],
)
def test_only_failures_of_the_origin_itself_count_against_it(
    status_code: int | None, error: str | None, *, failed: bool | None
) -> None:
    assert answer(status_code, error=error).origin_failed is failed
