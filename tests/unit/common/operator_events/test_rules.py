"""A cause is reported at most once an hour, and its end once, if its begin was reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from secretary_common.operator_events.fault import Fault, FaultKind, FaultState
from secretary_common.operator_events.rules import Decision, EventTerms, decide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = EventTerms(
    interval=timedelta(seconds=15), after=timedelta(seconds=60), again=timedelta(hours=1)
)


def fault(
    kind: FaultKind = FaultKind.BROKER_AWAY, *, lasts_sec: float = 120, **fields: Any
) -> Fault:
    began_at = NOW - timedelta(seconds=lasts_sec)
    made = {"fault_id": "f", "kind": kind, "began_at": began_at, "seen_at": NOW, **fields}
    return Fault.model_validate(made)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_a_fault_that_lasts_is_reported() -> None:
    assert decide(fault(), NOW, TERMS) == Decision(FaultState.BEGAN)


def test_a_short_fault_is_not_reported_and_ends_silently() -> None:
    assert decide(fault(lasts_sec=59), NOW, TERMS) is None
    short = fault(lasts_sec=90, seen_at=ago(61))
    assert decide(short, NOW, TERMS) == Decision(ends=True)


def test_a_webhook_that_was_given_up_is_reported_at_once_and_its_end_never() -> None:
    dead = fault(FaultKind.DELIVERY_DEAD, lasts_sec=0)
    assert decide(dead, NOW, TERMS) == Decision(FaultState.BEGAN)
    over = fault(FaultKind.DELIVERY_DEAD, seen_at=ago(61), announced_at=ago(100))
    assert decide(over, NOW, TERMS) == Decision(ends=True)


def test_a_fault_that_lasts_is_reported_again_after_an_hour() -> None:
    assert decide(fault(lasts_sec=7200, announced_at=ago(3599)), NOW, TERMS) is None
    again = fault(lasts_sec=7200, announced_at=ago(3600))
    assert decide(again, NOW, TERMS) == Decision(FaultState.LASTS)


def test_a_fault_that_comes_back_within_the_hour_is_not_reported_again() -> None:
    assert decide(fault(announced_at=ago(1800)), NOW, TERMS) is None
    over = fault(lasts_sec=600, announced_at=ago(1800), seen_at=ago(61))
    assert decide(over, NOW, TERMS) == Decision(ends=True)


def test_the_end_is_reported_when_no_process_sees_the_fault_any_more() -> None:
    assert decide(fault(seen_at=ago(60), announced_at=ago(70)), NOW, TERMS) is None
    over = fault(seen_at=ago(61), announced_at=ago(70))
    assert decide(over, NOW, TERMS) == Decision(FaultState.ENDED, ends=True)


def test_an_ended_fault_needs_nothing() -> None:
    assert decide(fault(ended_at=ago(1)), NOW, TERMS) is None
