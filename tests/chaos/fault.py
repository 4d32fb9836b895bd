"""Which faults strike when: drawn whole from the seed. No I/O.

Faults of one group (e.g. of the MongoDB nodes) strike one after the other, spread over the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Blow(StrEnum):
    """What can happen."""

    KILL = "kill -9"
    DRAIN = "SIGTERM"
    FREEZE = "SIGSTOP"
    """Stopped for longer than a lease: it wakes as a ghost."""
    STOP = "stop"
    """A server's clean end."""
    STEP_DOWN = "replSetStepDown"
    CUT = "cut"
    DEAFEN = "half-open"
    STALL = "stall"
    REFUSE = "refuse"


class Part(StrEnum):
    """What is struck."""

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
    """One of them."""

    at: float
    """Seconds after the start."""
    part: Part
    blow: Blow
    lasts_sec: float
    """Until it is put right again; more time passes until the part has recovered."""
    victim: float
    """In [0, 1): which one of several it is."""

    def __str__(self) -> str:
        return f"{self.blow} {self.part}"


# Part, blow, how many in REFERENCE_SEC, shortest and longest duration (seconds, or see IN_LEASES).
Row = tuple[Part, Blow, int, float, float]
REFERENCE_SEC = 120.0
# What makes late writers: a worker that wakes, or writes that arrive, after its leases have ended.
IN_LEASES = {(Part.WORKER, Blow.FREEZE), (Part.MONGO_LINK, Blow.STALL)}

GROUPS: Sequence[Sequence[Row]] = (
    (
        (Part.WORKER, Blow.KILL, 7, 0.1, 3),
        (Part.WORKER, Blow.DRAIN, 2, 0.1, 3),
    ),
    ((Part.WORKER, Blow.FREEZE, 2, 1.1, 1.6),),
    ((Part.API, Blow.KILL, 4, 0.1, 3), (Part.NOTIFIER, Blow.KILL, 3, 0.1, 3)),
    ((Part.NOTIFIER, Blow.DRAIN, 1, 0.1, 2), (Part.API, Blow.DRAIN, 1, 0.1, 2)),
    ((Part.BROKER, Blow.KILL, 1, 0.5, 5), (Part.BROKER, Blow.STOP, 1, 0.5, 5)),
    (
        (Part.PRIMARY, Blow.STEP_DOWN, 2, 2, 6),
        (Part.PRIMARY, Blow.KILL, 2, 0.5, 5),
        (Part.SECONDARY, Blow.KILL, 1, 0.5, 5),
    ),
    (
        (Part.BROKER_LINK, Blow.CUT, 3, 0, 0),
        (Part.BROKER_LINK, Blow.DEAFEN, 2, 0, 0),
        (Part.BROKER_LINK, Blow.STALL, 2, 2, 10),
        (Part.BROKER_LINK, Blow.REFUSE, 1, 2, 8),
    ),
    (
        (Part.MONGO_LINK, Blow.CUT, 3, 0, 0),
        (Part.MONGO_LINK, Blow.DEAFEN, 1, 0, 0),
        (Part.MONGO_LINK, Blow.STALL, 4, 0.3, 2),
        (Part.MONGO_LINK, Blow.REFUSE, 2, 1, 10),
    ),
)


def draw(seed: int, *, seconds: float, lease_sec: float) -> list[Fault]:
    """The faults of a round whose clients submit for *seconds*, by time."""
    random = Random(f"faults {seed}")
    faults = [
        fault
        for group in GROUPS
        for fault in _group(random, group, seconds=seconds, lease_sec=lease_sec)
    ]
    return sorted(faults, key=lambda fault: fault.at)


def _group(random: Random, rows: Sequence[Row], *, seconds: float, lease_sec: float) -> list[Fault]:
    scale = seconds / REFERENCE_SEC
    struck = [row for row in rows for _ in range(max(1, round(row[2] * scale)))]
    random.shuffle(struck)
    share = seconds / len(struck)
    return [
        _fault(random, row, share * (number + random.random()), lease_sec)
        for number, row in enumerate(struck)
    ]


def _fault(random: Random, row: Row, at: float, lease_sec: float) -> Fault:
    part, blow, _, shortest, longest = row
    unit = lease_sec if (part, blow) in IN_LEASES else 1.0
    lasts = random.uniform(shortest, longest) * unit
    return Fault(round(at, 2), part, blow, round(lasts, 2), random.random())
