"""How long the jobs of a killed worker wait until another worker claims them.

The promise is only about time in which another worker had a free slot and MongoDB accepted writes,
so only such time counts. After an outage, workers first give the owners one heartbeat to renew
their leases; that time belongs to the outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.history import History, JobState
from chaos.ledger.interval import Interval, overlap_sec, united, without

FOREVER = float("inf")
OWN_WRITE_SEC = 1.0
"""The last write of a killed worker may arrive this much later."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One process of a worker, from the worker's log."""

    owner: str
    service: str
    started_at: float
    ended_at: float = FOREVER
    """From this time on it claims nothing."""
    killed: bool = False


@dataclass(frozen=True, slots=True)
class HeldLease:
    """One lease of one job, from its claim to its end."""

    job_id: str
    attempt: int
    owner: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """A job that was claimed again, or ended, after its worker was killed."""

    job_id: str
    attempt: int
    """The attempt that was lost."""
    killed_at: float
    claimed_at: float
    counted_sec: float
    """How much of the time between counts for the promise."""

    @property
    def seconds(self) -> float:
        """The whole time between."""
        return self.claimed_at - self.killed_at


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The settings of the workers."""

    slots: int
    heartbeat_sec: float
    contact_retry_sec: float = 1.0
    """How long a worker waits before it contacts MongoDB again after a failure."""

    @property
    def reclaim_delay_sec(self) -> float:
        """How long after an outage workers do not reclaim."""
        return self.heartbeat_sec + self.contact_retry_sec


def leases_of(history: History) -> list[HeldLease]:
    """Return every lease of every job."""
    return [lease for job_id, states in history.items() for lease in _leases(job_id, states)]


def _leases(job_id: str, states: Sequence[JobState]) -> Iterable[HeldLease]:
    current: JobState | None = None
    for state in states:
        if current and state.token != current.token:
            yield HeldLease(job_id, current.attempt, current.owner or "", current.at, state.at)
            current = None
        if state.token and current is None:
            current = state
    if current:
        yield HeldLease(job_id, current.attempt, current.owner or "", current.at, FOREVER)


def recoveries(
    leases: Sequence[HeldLease],
    processes: Sequence[WorkerProcess],
    *,
    outages: Sequence[Interval],
    unavailable: Sequence[tuple[str, Interval]],
    settings: WorkerSettings,
) -> list[Recovery]:
    """Return one recovery for each job of a killed worker that was claimed again.

    Args:
        leases: the leases of all jobs.
        processes: the processes of all workers.
        outages: when MongoDB accepted no writes.
        unavailable: when a worker, by its service's name, ran but could not work.
        settings: the settings of the workers.
    """
    claimable = claimable_times(
        leases, processes, outages=outages, unavailable=unavailable, settings=settings
    )
    killed = {process.owner: process.ended_at for process in processes if process.killed}
    found = []
    for lease in leases:
        at = max(killed.get(lease.owner, FOREVER), lease.begin)
        if lease.end == FOREVER or lease.end < at + OWN_WRITE_SEC:
            continue
        counted = overlap_sec(claimable, Interval(at, lease.end))
        found.append(Recovery(lease.job_id, lease.attempt, at, lease.end, counted))
    return found


def claimable_times(
    leases: Sequence[HeldLease],
    processes: Sequence[WorkerProcess],
    *,
    outages: Sequence[Interval],
    unavailable: Sequence[tuple[str, Interval]],
    settings: WorkerSettings,
) -> list[Interval]:
    """Return when at least one worker had a free slot and could claim."""
    free: list[Interval] = []
    for process in processes:
        away = [
            Interval(one.begin, one.end + settings.reclaim_delay_sec)
            for service, one in unavailable
            if service == process.service
        ]
        mine = [lease for lease in leases if lease.owner == process.owner]
        lifetime = Interval(process.started_at + settings.heartbeat_sec, process.ended_at)
        free += without([lifetime], [*away, *_full_times(mine, settings.slots)])
    without_writes = [Interval(one.begin, one.end + settings.reclaim_delay_sec) for one in outages]
    return without(united(free), without_writes)


def _full_times(leases: Sequence[HeldLease], slots: int) -> list[Interval]:
    """Return when at least *slots* of these leases existed at once."""
    steps = sorted([(h.begin, 1) for h in leases] + [(h.end, -1) for h in leases])
    full, count = [], 0
    for (at, step), (following, _) in pairwise([*steps, (FOREVER, 0)]):
        count += step
        if count >= slots and following > at:
            full.append(Interval(at, following))
    return full
