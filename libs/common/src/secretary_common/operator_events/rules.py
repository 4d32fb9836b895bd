"""Decides which operator event is due; no I/O and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.operator_events.fault import MOMENTARY, Fault, FaultState

MISSED_REPORTS = 4
"""A fault is over when no process has reported it for this many intervals."""


@dataclass(frozen=True, slots=True)
class EventTerms:
    """The times of operator events."""

    interval: timedelta
    """The time between two reports of a process."""
    after: timedelta
    """A fault that lasts is reported after this time."""
    again: timedelta
    """The shortest time between two events which say that a cause begins or lasts."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a notifier does about a fault."""

    event: FaultState | None = None
    """The event that is due; None: the fault only ends, because operators do not know of it."""
    ends: bool = False


def decide(fault: Fault, now: datetime, terms: EventTerms) -> Decision | None:
    """Return what is to do about *fault* at *now*; None: nothing."""
    if fault.ended_at is not None:
        return None
    if fault.seen_at < now - MISSED_REPORTS * terms.interval:
        return _end_of(fault)
    is_momentary = fault.kind in MOMENTARY
    if not is_momentary and fault.seen_at - fault.began_at < terms.after:
        return None
    if fault.announced_at is not None and now - fault.announced_at < terms.again:
        return None
    return Decision(FaultState.LASTS if fault.is_announced else FaultState.BEGAN)


def _end_of(fault: Fault) -> Decision:
    if fault.kind in MOMENTARY or not fault.is_announced:
        return Decision(ends=True)
    return Decision(FaultState.ENDED, ends=True)
