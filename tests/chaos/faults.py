"""The faults of an experiment: kind, target and time, all drawn from the seed. No I/O.

Faults of one group (e.g. of the MongoDB nodes) come one after the other, spread over the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from chaos.oddity import DELIVERY_ODDITIES, JOB_ODDITIES
from chaos.server_error import CODES


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
    LOCK = "fsyncLock"
    """The secondaries write nothing; the primary stays, without a majority."""
    LEAVE = "no"
    """All nodes of MongoDB are killed, or stopped by SIGSTOP."""
    SERVER_ERROR = "failCommand"
    """MongoDB answers commands with an error that is no outage."""
    NO_DESCRIPTORS = "no descriptors for"
    NO_DISK = "no disk for"
    CUT_CLAIM = "kill -9 in the middle of a batch claim of"
    """The target ends when a batch claim is written, and no worker has read its jobs."""
    REPLACE = "other version of"
    """All processes of a service are drained, one after the other, and the other version starts."""
    ODD_DOCUMENT = "odd document in"
    """A document that this version of Secretary would not write."""


class Target(StrEnum):
    """The part of the system that a fault hits."""

    WORKER = "worker"
    ALL_WORKERS = "all workers"
    API = "api"
    NOTIFIER = "notifier"
    BROKER = "rabbitmq"
    BROKER_NODE = "a node of rabbitmq"
    """The node of a cluster that the variant names."""
    MONGO_NODE = "a node of mongodb"
    """The node that the variant names, whether it is the primary or not."""
    PRIMARY = "primary"
    SECONDARY = "secondary"
    SECONDARIES = "both secondaries"
    MONGODB = "mongodb"
    SCHEMA = "schema"
    """What ``secretary-init`` makes in MongoDB and RabbitMQ."""
    BROKER_LINK = "a service's link to rabbitmq"
    MONGO_LINK = "a service's link to mongodb"
    JOBS = "jobs"
    DELIVERIES = "deliveries"


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
    variant: int = 0
    """Which error code, odd document, node or version (0: this one), by its index."""

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


@dataclass(frozen=True, slots=True)
class Row:
    """A target, a kind, and how often and how long the fault is injected."""

    target: Target
    kind: FaultKind
    count: int
    """In REFERENCE_SEC; a row with ``long_sec`` or ``variants`` has its count in any time."""
    shortest: float = 0.0
    longest: float = 0.0
    """In seconds, or see IN_LEASES."""
    long_sec: float | None = None
    """The duration in the long form of an experiment, in seconds."""
    variants: int = 0
    """Each variant is injected once, whatever ``count`` is."""

    @property
    def is_fixed(self) -> bool:
        """Whether the count does not depend on the time."""
        return self.long_sec is not None or self.variants > 0


REFERENCE_SEC = 120.0
# These make late writers: a worker that goes on, or writes that arrive, after the lease has ended.
# Their durations are in leases.
IN_LEASES = {
    (Target.WORKER, FaultKind.FREEZE),
    (Target.ALL_WORKERS, FaultKind.FREEZE),
    (Target.MONGO_LINK, FaultKind.STALL),
    (Target.SECONDARIES, FaultKind.LOCK),
    (Target.MONGODB, FaultKind.LEAVE),
}

GROUPS: Sequence[Sequence[Row]] = (
    (
        Row(Target.WORKER, FaultKind.KILL, 7, 0.1, 3),
        Row(Target.WORKER, FaultKind.DRAIN, 2, 0.1, 3),
    ),
    (Row(Target.WORKER, FaultKind.FREEZE, 2, 1.1, 1.6),),
    (Row(Target.ALL_WORKERS, FaultKind.FREEZE, 3, 1.2, 1.6, long_sec=40),),
    (Row(Target.API, FaultKind.KILL, 4, 0.1, 3), Row(Target.NOTIFIER, FaultKind.KILL, 3, 0.1, 3)),
    (Row(Target.NOTIFIER, FaultKind.DRAIN, 1, 0.1, 2), Row(Target.API, FaultKind.DRAIN, 1, 0.1, 2)),
    (
        Row(Target.BROKER, FaultKind.KILL, 1, 0.5, 5),
        Row(Target.BROKER, FaultKind.STOP, 1, 0.5, 5),
        Row(Target.BROKER, FaultKind.REFUSE, 1, 5, 10, long_sec=60),
    ),
    (
        Row(Target.PRIMARY, FaultKind.STEP_DOWN, 2, 2, 6),
        Row(Target.PRIMARY, FaultKind.KILL, 2, 0.5, 5),
        Row(Target.SECONDARY, FaultKind.KILL, 1, 0.5, 5),
        Row(Target.SECONDARIES, FaultKind.LOCK, 1, 2, 3, long_sec=60),
        Row(Target.MONGODB, FaultKind.LEAVE, 1, 2, 3, long_sec=240),
    ),
    (Row(Target.MONGODB, FaultKind.SERVER_ERROR, 0, 2, 4, long_sec=8, variants=len(CODES)),),
    (
        Row(Target.BROKER_LINK, FaultKind.CUT, 3, 0, 0),
        Row(Target.BROKER_LINK, FaultKind.HALF_OPEN, 2, 0, 0),
        Row(Target.BROKER_LINK, FaultKind.STALL, 2, 2, 10),
        Row(Target.BROKER_LINK, FaultKind.REFUSE, 1, 2, 8),
    ),
    (
        Row(Target.MONGO_LINK, FaultKind.CUT, 3, 0, 0),
        Row(Target.MONGO_LINK, FaultKind.HALF_OPEN, 1, 0, 0),
        Row(Target.MONGO_LINK, FaultKind.STALL, 4, 0.3, 2),
        Row(Target.MONGO_LINK, FaultKind.REFUSE, 2, 1, 10),
    ),
    (
        Row(Target.WORKER, FaultKind.NO_DESCRIPTORS, 1, 4, 8, long_sec=30),
        Row(Target.NOTIFIER, FaultKind.NO_DESCRIPTORS, 1, 4, 8, long_sec=30),
        Row(Target.API, FaultKind.NO_DESCRIPTORS, 1, 4, 8, long_sec=30),
        Row(Target.WORKER, FaultKind.NO_DISK, 1, 5, 10, long_sec=30),
    ),
    (
        Row(Target.JOBS, FaultKind.ODD_DOCUMENT, 0, variants=len(JOB_ODDITIES)),
        Row(Target.DELIVERIES, FaultKind.ODD_DOCUMENT, 0, variants=len(DELIVERY_ODDITIES)),
    ),
    (
        Row(Target.WORKER, FaultKind.CUT_CLAIM, 2, 0.1, 3),
        Row(Target.PRIMARY, FaultKind.CUT_CLAIM, 2, 0.5, 3),
    ),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The length of an experiment."""

    seconds: float
    """How long faults are injected."""
    lease_sec: float
    is_long: bool = False
    """Whether outages have the length that they have in the field, such as four minutes."""


def draw_faults(seed: int, form: Form, *, without: Iterable[str] = ()) -> list[Fault]:
    """Return the faults of an experiment in order of time.

    Faults whose name has a text of *without* in it are left out; the others stay as they are.
    """
    random = Random(f"faults {seed}")
    faults = [fault for group in GROUPS for fault in _group(random, group, form)]
    kept = [one for one in faults if not any(text in str(one) for text in without)]
    return sorted(kept, key=lambda fault: fault.at_sec)


def shortages_of(faults: Iterable[Fault]) -> list[tuple[float, float]]:
    """Return when a worker has no descriptors or no disk: from which second to which."""
    wants = (FaultKind.NO_DESCRIPTORS, FaultKind.NO_DISK)
    return [
        (one.at_sec, one.at_sec + one.duration_sec)
        for one in faults
        if one.kind in wants and one.target is Target.WORKER
    ]


def _group(random: Random, rows: Sequence[Row], form: Form) -> list[Fault]:
    hits = [
        (row, variant, round(_duration(random, row, form), 2))
        for row in rows
        for variant in range(_count(row, rows, form))
    ]
    random.shuffle(hits)
    return list(_placed(random, hits, form.seconds))


def _count(row: Row, rows: Sequence[Row], form: Form) -> int:
    """Return how often a fault is injected: in proportion to the time that fixed faults leave."""
    if row.is_fixed:
        return row.variants or row.count
    taken = sum(one.count * _longest(one, form) for one in rows if one.is_fixed)
    return max(1, round(row.count * (form.seconds - taken) / REFERENCE_SEC))


def _placed(
    random: Random, hits: Sequence[tuple[Row, int, float]], seconds: float
) -> Iterable[Fault]:
    """Yield the faults one after the other, with equal pauses; each begins within *seconds*."""
    durations = sum(duration for _, _, duration in hits)
    scale = min(1.0, seconds / durations) if durations else 1.0
    pause = (seconds - durations * scale) / len(hits)
    passed = 0.0
    for number, (row, variant, duration) in enumerate(hits):
        at = pause * (number + random.random()) + passed * scale
        variant_of = variant if row.variants else 0
        yield Fault(
            round(at, 2), row.target, row.kind, duration, random.random(), variant=variant_of
        )
        passed += duration


def _duration(random: Random, row: Row, form: Form) -> float:
    drawn = random.uniform(row.shortest, row.longest) * _unit(row, form)
    return row.long_sec if form.is_long and row.long_sec is not None else drawn


def _longest(row: Row, form: Form) -> float:
    if form.is_long and row.long_sec is not None:
        return row.long_sec
    return row.longest * _unit(row, form)


def _unit(row: Row, form: Form) -> float:
    return form.lease_sec if (row.target, row.kind) in IN_LEASES else 1.0
