"""How long the jobs of one key wait for their start while another key floods the system.

The flood may hold no more slots than its key's ``max_running``. Then the other jobs start soon.
Only time counts in which a worker could have started the job at once: MongoDB accepted writes, a
worker had a free slot or held it for a job of the flood, and few jobs of the ordinary clients
waited, with which the job takes turns. So the flood itself excuses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.history import History, JobState
from chaos.ledger.interval import Interval, overlap_sec
from chaos.ledger.recovery import FOREVER, HeldLease

START_BOUND_SEC = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """The first start of a job."""

    job_id: str
    due_at: float
    started_at: float
    counted_sec: float
    """How much of the time between counts for the promise."""

    @property
    def seconds(self) -> float:
        """The whole time between."""
        return self.started_at - self.due_at


@dataclass(frozen=True, slots=True)
class Flood:
    """What a flood of one key cost another key."""

    starts: Sequence[Start]
    """Of the jobs of the other key."""
    most: int
    """How many jobs of the flood ran at the same time."""
    allowed: int
    """How many may: ``max_running`` of the key."""

    @property
    def late(self) -> list[Start]:
        """The starts that took longer than ``START_BOUND_SEC``."""
        return [one for one in self.starts if one.counted_sec > START_BOUND_SEC]

    @property
    def is_held(self) -> bool:
        """Whether the flood kept its limit and no start was late."""
        return not self.late and self.most <= self.allowed


def without_jobs(leases: Sequence[HeldLease], job_ids: Collection[str]) -> list[HeldLease]:
    """Return the leases that are not those of *job_ids*."""
    return [lease for lease in leases if lease.job_id not in job_ids]


def most_at_once(leases: Iterable[HeldLease], job_ids: Collection[str]) -> int:
    """Return how many of these jobs held a lease at the same time, at most."""
    held = (Interval(one.begin, one.end) for one in leases if one.job_id in job_ids)
    return max((count for _, count in _counts(held)), default=0)


def backlogs(history: History, job_ids: Collection[str], *, above: int) -> list[Interval]:
    """Return when more than *above* of these jobs were due and waited for a worker."""
    waits = (wait for job_id in job_ids for wait in _waits(history.get(job_id, [])))
    return [interval for interval, count in _counts(waits) if count > above]


def starts(
    history: History, job_ids: Collection[str], claimable: Sequence[Interval]
) -> list[Start]:
    """Return the first start of each of *job_ids* that has started.

    Args:
        history: the states of all jobs.
        job_ids: the jobs of the key that must not wait.
        claimable: when a worker could have started them at once, as if there were no flood.
    """
    found = []
    for job_id in sorted(job_ids):
        states = history.get(job_id, [])
        held = next((state for state in states if state.token), None)
        if held:
            due_at = max(states[0].at, states[0].run_at)
            counted = overlap_sec(claimable, Interval(due_at, held.at))
            found.append(Start(job_id, due_at, held.at, counted))
    return found


def _waits(states: Sequence[JobState]) -> Iterator[Interval]:
    ends = [state.at for state in states[1:]] + [FOREVER]
    for state, end in zip(states, ends, strict=False):
        due_at = max(state.at, state.run_at)
        if state.status == "pending" and due_at < end:
            yield Interval(due_at, end)


def _counts(intervals: Iterable[Interval]) -> Iterator[tuple[Interval, int]]:
    """Yield the spans between all begins and ends, with the number of *intervals* in each."""
    known = list(intervals)
    # At the same moment the ends come first.
    steps = sorted([(one.begin, 1) for one in known] + [(one.end, -1) for one in known])
    count = 0
    for (at, step), (following, _) in pairwise([*steps, (FOREVER, 0)]):
        count += step
        if following > at:
            yield Interval(at, following), count
