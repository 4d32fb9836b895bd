"""How long jobs of a killed worker wait until somebody claims them again.

What counts is only time in which another worker had a free slot and MongoDB took writes: the
promise is made for that. After an outage workers let the owners renew for one heartbeat first
(design §2, Leases), so that belongs to the outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.history import History, Moment
from chaos.interval import Interval, overlap_sec, united, without

FOREVER = float("inf")
OWN_WRITE_SEC = 1.0
"""A dead worker's last write may still be on its way for so long."""


@dataclass(frozen=True, slots=True)
class Boot:
    """One process of a worker, from its own log."""

    owner: str
    service: str
    started_at: float
    ended_at: float = FOREVER
    """From here on it takes nothing."""
    killed: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A job under one lease."""

    job_id: str
    attempt: int
    owner: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """A job that was claimed again, or ended for good, after its worker had been killed."""

    job_id: str
    attempt: int
    """The one that was lost."""
    killed_at: float
    claimed_at: float
    counted_sec: float
    """How much of the time between counts."""

    @property
    def seconds(self) -> float:
        """By the clock on the wall."""
        return self.claimed_at - self.killed_at


@dataclass(frozen=True, slots=True)
class Terms:
    """What the workers were told."""

    slots: int
    heartbeat_sec: float
    contact_retry_sec: float = 1.0
    """How long a worker waits after a failed contact before the next."""

    @property
    def patience_sec(self) -> float:
        """After an outage nobody reclaims for this long."""
        return self.heartbeat_sec + self.contact_retry_sec


def holds_of(history: History) -> list[Hold]:
    """Every lease of every job, from its claim to its end."""
    return [hold for job_id, moments in history.items() for hold in _holds(job_id, moments)]


def _holds(job_id: str, moments: Sequence[Moment]) -> Iterable[Hold]:
    current: Moment | None = None
    for moment in moments:
        if current and moment.token != current.token:
            yield Hold(job_id, current.attempt, current.owner or "", current.at, moment.at)
            current = None
        if moment.token and current is None:
            current = moment
    if current:
        yield Hold(job_id, current.attempt, current.owner or "", current.at, FOREVER)


def recoveries(
    holds: Sequence[Hold],
    boots: Sequence[Boot],
    *,
    outages: Sequence[Interval],
    absences: Sequence[tuple[str, Interval]],
    terms: Terms,
) -> list[Recovery]:
    """One for each job a killed worker held, if it came to be claimed again.

    Args:
        holds: of all jobs.
        boots: of all workers.
        outages: when MongoDB took no writes.
        absences: when a worker (by its service's name) lived and could not work.
        terms: the workers'.
    """
    able = able_times(holds, boots, outages=outages, absences=absences, terms=terms)
    killed = {boot.owner: boot.ended_at for boot in boots if boot.killed}
    found = []
    for hold in holds:
        at = max(killed.get(hold.owner, FOREVER), hold.begin)
        if hold.end == FOREVER or hold.end < at + OWN_WRITE_SEC:
            continue
        counted = overlap_sec(able, Interval(at, hold.end))
        found.append(Recovery(hold.job_id, hold.attempt, at, hold.end, counted))
    return found


def able_times(
    holds: Sequence[Hold],
    boots: Sequence[Boot],
    *,
    outages: Sequence[Interval],
    absences: Sequence[tuple[str, Interval]],
    terms: Terms,
) -> list[Interval]:
    """When some worker with a free slot could have claimed."""
    free: list[Interval] = []
    for boot in boots:
        away = [
            Interval(one.begin, one.end + terms.patience_sec)
            for service, one in absences
            if service == boot.service
        ]
        mine = [hold for hold in holds if hold.owner == boot.owner]
        life = Interval(boot.started_at + terms.heartbeat_sec, boot.ended_at)
        free += without([life], [*away, *_full_times(mine, terms.slots)])
    dark = [Interval(one.begin, one.end + terms.patience_sec) for one in outages]
    return without(united(free), dark)


def _full_times(holds: Sequence[Hold], slots: int) -> list[Interval]:
    """When at least *slots* of these holds were there at once."""
    steps = sorted([(h.begin, 1) for h in holds] + [(h.end, -1) for h in holds])
    full, count = [], 0
    for (at, step), (following, _) in pairwise([*steps, (FOREVER, 0)]):
        count += step
        if count >= slots and following > at:
            full.append(Interval(at, following))
    return full
