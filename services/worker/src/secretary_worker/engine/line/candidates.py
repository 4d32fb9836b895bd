"""Chooses which waiting job a worker claims next.

The order: the highest priority first; within a priority the API keys in turn; within a key the
oldest job first. A key that runs as many jobs as it may (``max_running``) waits.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from secretary_common.models import Candidate
from secretary_common.ports import JobCandidates
from secretary_worker.engine.heartbeat import ALONE, Place, alone
from secretary_worker.engine.line.running_limits import RunningLimits
from secretary_worker.engine.line.turns import next_owners, round_robin, within_room

BATCH_SIZE = 100
"""The least number of jobs that a worker reads at a time."""
# Each key costs a query. Further keys have their turn in the next batch.
KEYS_A_BATCH = 8
OLDEST_SEC = 1.0
MOST_SHARES_READ = 4
"""A worker that takes only its share of a batch reads a batch of up to this many times the size."""
FRESH = timedelta(seconds=0.2)
"""Workers leave jobs to one another that have been due for a shorter time."""
DUE_SEC = 1.0
"""A worker asks at most this often which job is due next; see ``Candidates.owes_timer``."""


class Candidates:
    """The waiting jobs, in the order in which one worker should claim them.

    The worker reads a batch at a time. For each priority it remembers the last owner across
    batches. Otherwise a worker that takes one job of each batch would serve only one key.

    A batch begins with the first job of the order. But workers that begin with the same jobs lose
    claims to one another. So for a second after a lost race, while many jobs wait, a worker takes
    only its share of each batch: each living worker has another share, by the ids of the jobs. If
    few jobs wait, or the worker knows of no other, it skips a random part of the batch instead.
    Other workers take the skipped jobs, or a later batch contains them: at least once a second a
    batch begins with the first job.
    Few new jobs begin with the job of a shared doorbell: such doorbells wake several workers.
    """

    def __init__(
        self,
        jobs: JobCandidates,
        limits: RunningLimits,
        *,
        batch_size: int = BATCH_SIZE,
        monotonic: Callable[[], float] = time.monotonic,
        choose: Callable[[Sequence[str]], str] = random.choice,
        share: Callable[[], float] = random.random,
        place: Callable[[], Awaitable[Place]] = alone,
        on_scheduled: Callable[[Candidate], None],
    ) -> None:
        """Wire the candidates.

        Args:
            jobs: the store of the waiting jobs.
            limits: knows which keys may start no further job; their jobs are left out.
            batch_size: about how many jobs to read at a time.
            monotonic: returns the monotonic time in seconds, for the age of a batch.
            choose: chooses the first key at random, so that workers begin with different keys.
            share: returns a random number in [0, 1), the share of a batch to skip.
            place: returns the place of this worker among all workers; asked after a lost race.
            on_scheduled: called after each read with the scheduled job that is due first, if any.
        """
        self._jobs = jobs
        self._limits = limits
        self._batch_size = batch_size
        self._monotonic = monotonic
        self._choose = choose
        self._share = share
        self._ask_place = place
        self._place = ALONE
        self._on_scheduled = on_scheduled
        self._batch: list[Candidate] = []
        self._is_rest = False
        """Whether the worker has taken jobs of the batch."""
        self._job_types: frozenset[str] = frozenset()
        self._read_at = 0.0
        self._last_owner: dict[int, str] = {}
        self._lost_race = False
        """Whether the last claim lost a job to another worker."""
        self._lost_at = -math.inf
        """When a claim last lost a job to another worker."""
        self._first_at = 0.0
        """When a batch last began with the first job of the order."""
        self._is_long_line = False
        """Whether the last read left further jobs. Then the next read expects many jobs too."""
        self._is_whole_line = False
        """Whether the last read found all jobs that waited."""
        self._rung: set[str] = set()
        self._asked_due_at: float | None = None
        self.owes_timer = False
        """Whether the last read did not ask which job is due next."""

    def __len__(self) -> int:
        """Return the number of candidates in the batch, even if the batch is too old to use."""
        return len(self._batch)

    async def refresh(self, job_types: Collection[str], now: datetime, *, wanted: int = 1) -> bool:
        """Read a new batch unless this one is fresh; return whether any job waits.

        Args:
            job_types: the types that the worker may start. A batch for other types is read again.
            now: the store's time.
            wanted: how many jobs the worker would take. While many jobs wait, another batch is read
                if fewer are left of this one, because a claim costs as much for one job as for
                many. The jobs that are left come first, so that the keys keep their turns.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        is_fresh = self._is_fresh(job_types)
        if not is_fresh or self._is_small_rest(wanted):
            if self._lost_race:
                self._place = await self._ask_place()
            rest = self._batch if is_fresh else []
            for job in rest[-1:]:
                self._last_owner[job.priority] = job.owner
            await self._read(job_types, now)
            self._begin_with_rest(rest)
            self._part_ways_after_read()
        return bool(self._batch)

    def take(self, count: int) -> list[Candidate]:
        """Remove and return the next *count* candidates of the batch, or fewer if it has fewer."""
        count = max(count, 0)
        taken, self._batch = self._batch[:count], self._batch[count:]
        self._is_rest = True
        for candidate in taken[-1:]:
            self._last_owner[candidate.priority] = candidate.owner
        return taken

    def first(self) -> list[Candidate]:
        """Return the next candidate of the batch, or nothing; do not remove it."""
        return self._batch[:1]

    async def first_of_others(
        self, owners: Collection[str], job_types: Collection[str], now: datetime
    ) -> Candidate | None:
        """Return the first job of the order whose API key is none of *owners*.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        for priority in await self._jobs.waiting_priorities(job_types, now):
            found = await self._read_priority(job_types, priority, now, size=1, without=owners)
            if found:
                self._last_owner[priority] = found[0].owner
                return found[0]
        return None

    def begin_look(self) -> None:
        """Record that a look begins. Jobs that the batch lacks may have become due meanwhile."""
        self._is_whole_line = False

    @property
    def is_exhausted(self) -> bool:
        """Whether this look has read all jobs that waited, and the worker has taken all of them."""
        return self._is_whole_line and not self._batch and not self._lost_race

    def begin_with(self, job_id: str) -> None:
        """Begin the next batch with *job_id* if it waits, and only few and new jobs wait."""
        self._rung.add(job_id)

    def end_race(self, *, lost: bool) -> None:
        """Record whether the worker *lost* some of the jobs that it took to other workers."""
        self._lost_race = lost
        if lost:
            self._lost_at = self._monotonic()
            self._part_ways()

    def _part_ways_after_read(self) -> None:
        now = self._monotonic()
        lost_lately = self._place.of > 1 and now - self._lost_at <= OLDEST_SEC
        if (self._lost_race or lost_lately) and now - self._first_at <= OLDEST_SEC:
            self._part_ways()
        else:
            self._first_at = now

    def _part_ways(self) -> None:
        """Leave the jobs of the batch to other workers that these will claim."""
        own = [one for one in self._batch if self._place.owns(one.job_id)]
        if not own or not self._is_long_line or self._place.of == 1:
            del self._batch[: int(self._share() * len(self._batch))]
        elif len(own) < len(self._batch):
            self._batch, self._is_whole_line = own, False

    def _is_fresh(self, job_types: Collection[str]) -> bool:
        age = self._monotonic() - self._read_at
        return bool(self._batch) and age <= OLDEST_SEC and self._job_types == frozenset(job_types)

    def _is_small_rest(self, wanted: int) -> bool:
        return self._is_long_line and self._is_rest and len(self._batch) < wanted

    def _begin_with_rest(self, rest: list[Candidate]) -> None:
        """Put the *rest* of the last batch first, unless jobs of another priority are next."""
        if rest and self._batch and rest[0].priority == self._batch[0].priority:
            ids = {job.job_id for job in rest}
            owners = list(dict.fromkeys(job.owner for job in self._batch))
            others = (job for job in self._batch if job.job_id not in ids)
            self._batch = rest + round_robin(others, owners)

    async def _read(self, job_types: Collection[str], now: datetime) -> None:
        self._batch, self._is_whole_line, self._is_rest = [], False, False
        self._job_types, self._read_at = frozenset(job_types), self._monotonic()
        await self._ask_due(job_types, now)
        few, size = None, await self._size()
        if not self._is_long_line:
            few = await self._jobs.few_waiting(job_types, now, size)
        self._is_long_line = few is None
        rung, self._rung = self._rung, set()
        if few is None:
            await self._read_long_line(job_types, now, size)
        else:
            await self._read_short_line(few)
            self._rotate_to(rung, now - FRESH)

    async def _size(self) -> int:
        """Return how many jobs to read at a time: fewer if some key may run only few jobs.

        A batch has no more jobs of such a key than it may start now. So the key waits for the next
        batch even if these jobs end soon.
        """
        return min(self._batch_size, BATCH_SIZE) if await self._limits.now() else self._batch_size

    async def _ask_due(self, job_types: Collection[str], now: datetime) -> None:
        asked_at = self._asked_due_at
        self.owes_timer = asked_at is not None and self._read_at - asked_at < DUE_SEC
        if self.owes_timer:
            return
        if following := await self._jobs.next_due(job_types, now):
            self._on_scheduled(following)
        self._asked_due_at = self._read_at

    async def _read_short_line(self, waiting: Sequence[Candidate]) -> None:
        """Fill the batch from *waiting*, all jobs that wait, the highest priority first."""
        for priority, jobs in itertools.groupby(waiting, key=lambda job: job.priority):
            by_owner: defaultdict[str, list[Candidate]] = defaultdict(list)
            for job in jobs:
                by_owner[job.owner].append(job)
            room = await self._limits.room(sorted(by_owner))
            if owners := self._owners_in_turn(priority, sorted(by_owner), room):
                found = itertools.chain.from_iterable(by_owner[owner] for owner in owners)
                self._batch = round_robin(within_room(found, room), owners)
                self._is_whole_line = len(self._batch) == len(waiting)
                return

    def _rotate_to(self, job_ids: Collection[str], after: datetime) -> None:
        """Begin with one of *job_ids*, unless a job before it was due before *after*."""
        places = (n for n, one in enumerate(self._batch) if one.job_id in job_ids)
        first = next(places, 0)
        if all(one.run_at > after for one in self._batch[:first]):
            self._batch = self._batch[first:] + self._batch[:first]

    async def _read_long_line(self, job_types: Collection[str], now: datetime, size: int) -> None:
        most = size * min(self._place.of, MOST_SHARES_READ)
        for priority in await self._jobs.waiting_priorities(job_types, now):
            self._batch = await self._read_priority(job_types, priority, now, size=most)
            if self._batch:  # else other workers have claimed its jobs
                self._is_long_line = len(self._batch) >= size // 2
                return
        self._is_long_line = False

    async def _read_priority(
        self,
        job_types: Collection[str],
        priority: int,
        now: datetime,
        *,
        size: int,
        without: Collection[str] = (),
    ) -> list[Candidate]:
        """Return about *size* jobs of one priority; none of the owners *without*."""
        waiting = await self._jobs.waiting_owners(job_types, priority, now)
        owners = [owner for owner in waiting if owner not in without]
        room = await self._limits.room(owners)
        chosen = self._owners_in_turn(priority, owners, room)
        if not chosen:
            return []
        each = -(-size // len(chosen))
        found = await self._jobs.oldest_waiting(job_types, priority, chosen, now, each)
        return round_robin(within_room(found, room), chosen)

    def _owners_in_turn(
        self, priority: int, owners: Sequence[str], room: Mapping[str, int]
    ) -> list[str]:
        """Return those of sorted *owners* whose turn it is, and that may start a job."""
        may_start = [owner for owner in owners if room.get(owner, 1) > 0]
        if not may_start:
            return []
        last = self._last_owner.get(priority) or self._choose(may_start)
        return next_owners(may_start, last, KEYS_A_BATCH)
