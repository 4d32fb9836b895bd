"""Decides what a delivery waits for, and sums up what notifiers report of its receiver. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from secretary_common.models import Delivery, DeliveryState, ReceiverState


@dataclass(frozen=True, slots=True)
class Wait:
    """What a delivery waits for."""

    why: str
    """``breaker``, ``schedule``, ``notifier`` or ``turn``."""
    until: datetime | None = None


def wait_of(
    delivery: Delivery, open_until: datetime | None, now: datetime, *, is_alive: bool
) -> Wait | None:
    """Return what *delivery* waits for; None if it is being sent or has ended.

    Args:
        delivery: the delivery.
        open_until: until when its receiver gets nothing.
        now: the time.
        is_alive: whether a notifier is alive.
    """
    if delivery.state is not DeliveryState.PENDING:
        return None
    if not is_alive:
        return Wait("notifier")
    due_at = delivery.next_attempt_at
    if open_until and open_until > max(now, due_at or now):
        return Wait("breaker", open_until)
    return Wait("schedule", due_at) if due_at and due_at > now else Wait("turn")


def merged_receivers(states: Iterable[ReceiverState]) -> list[ReceiverState]:
    """Return one state for each receiver, although several notifiers report it, by its origin."""
    merged: dict[str, ReceiverState] = {}
    for state in states:
        other = merged.get(state.origin)
        merged[state.origin] = _merge(other, state) if other else state
    return [merged[origin] for origin in sorted(merged)]


def _merge(one: ReceiverState, other: ReceiverState) -> ReceiverState:
    """Return the sum of two notifiers' states, with the later answer."""
    later = max((one, other), key=lambda state: (state.last_at is not None, state.last_at))
    ends = [state.open_until for state in (one, other) if state.open_until]
    return later.model_copy(
        update={
            "open_until": max(ends, default=None),
            "in_flight": one.in_flight + other.in_flight,
            "waiting": one.waiting + other.waiting,
            "failures": max(one.failures, other.failures),
        }
    )
