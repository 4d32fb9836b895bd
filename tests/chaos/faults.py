"""The faults of an experiment: kind, target and time, all drawn from the seed. No I/O.

Faults of one group (e.g. of the MongoDB nodes) come one after the other, spread over the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class FaultKind(StrEnum):
    """What a fault does."""

    KILL = "kill -9"
    DRAIN = "SIGTERM"
    FREEZE = "SIGSTOP"
    """A process stops for longer than a lease, then goes on without its leases."""
    STOP = "stop"
    """A server is stopped cleanly."""
    STEP_DOWN = "replSetStepDown"
    CUT = "cut"
    HALF_OPEN = "half-open"
    STALL = "stall"
    REFUSE = "refuse"


class Target(StrEnum):
    """The part of the system that a fault hits."""

    WORKER = "worker"
    API = "api"
    NOTIFIER = "notifier"
    BROKER = "rabbitmq"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    BROKER_LINK = "a service's link to rabbitmq"
    MONGO_LINK = "a service's link to mongodb"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the plan."""

    at_sec: float
    """Seconds after the start."""
    target: Target
    kind: FaultKind
    duration_sec: float
    """How long until the fault is repaired; the target needs more time to recover."""
    choice: float
    """In [0, 1): selects one of several targets."""

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


# Target, kind, count in REFERENCE_SEC, shortest and longest duration (seconds, or see IN_LEASES).
Row = tuple[Target, FaultKind, int, float, float]
REFERENCE_SEC = 120.0
# These make late writers: a worker that goes on, or writes that arrive, after the lease has ended.
# Their durations are in leases.
IN_LEASES = {(Target.WORKER, FaultKind.FREEZE), (Target.MONGO_LINK, FaultKind.STALL)}

GROUPS: Sequence[Sequence[Row]] = (
    (
        (Target.WORKER, FaultKind.KILL, 7, 0.1, 3),
        (Target.WORKER, FaultKind.DRAIN, 2, 0.1, 3),
    ),
    ((Target.WORKER, FaultKind.FREEZE, 2, 1.1, 1.6),),
    ((Target.API, FaultKind.KILL, 4, 0.1, 3), (Target.NOTIFIER, FaultKind.KILL, 3, 0.1, 3)),
    ((Target.NOTIFIER, FaultKind.DRAIN, 1, 0.1, 2), (Target.API, FaultKind.DRAIN, 1, 0.1, 2)),
    ((Target.BROKER, FaultKind.KILL, 1, 0.5, 5), (Target.BROKER, FaultKind.STOP, 1, 0.5, 5)),
    (
        (Target.PRIMARY, FaultKind.STEP_DOWN, 2, 2, 6),
        (Target.PRIMARY, FaultKind.KILL, 2, 0.5, 5),
        (Target.SECONDARY, FaultKind.KILL, 1, 0.5, 5),
    ),
    (
        (Target.BROKER_LINK, FaultKind.CUT, 3, 0, 0),
        (Target.BROKER_LINK, FaultKind.HALF_OPEN, 2, 0, 0),
        (Target.BROKER_LINK, FaultKind.STALL, 2, 2, 10),
        (Target.BROKER_LINK, FaultKind.REFUSE, 1, 2, 8),
    ),
    (
        (Target.MONGO_LINK, FaultKind.CUT, 3, 0, 0),
        (Target.MONGO_LINK, FaultKind.HALF_OPEN, 1, 0, 0),
        (Target.MONGO_LINK, FaultKind.STALL, 4, 0.3, 2),
        (Target.MONGO_LINK, FaultKind.REFUSE, 2, 1, 10),
    ),
)


def draw_faults(seed: int, *, seconds: float, lease_sec: float) -> list[Fault]:
    """Return the faults of an experiment whose clients submit for *seconds*, in order of time."""
    random = Random(f"faults {seed}")
    faults = [
        fault
        for group in GROUPS
        for fault in _group(random, group, seconds=seconds, lease_sec=lease_sec)
    ]
    return sorted(faults, key=lambda fault: fault.at_sec)


def _group(random: Random, rows: Sequence[Row], *, seconds: float, lease_sec: float) -> list[Fault]:
    scale = seconds / REFERENCE_SEC
    hits = [row for row in rows for _ in range(max(1, round(row[2] * scale)))]
    random.shuffle(hits)
    share = seconds / len(hits)
    return [
        _fault(random, row, share * (number + random.random()), lease_sec)
        for number, row in enumerate(hits)
    ]


def _fault(random: Random, row: Row, at: float, lease_sec: float) -> Fault:
    target, kind, _, shortest, longest = row
    unit = lease_sec if (target, kind) in IN_LEASES else 1.0
    duration = random.uniform(shortest, longest) * unit
    return Fault(round(at, 2), target, kind, round(duration, 2), random.random())
