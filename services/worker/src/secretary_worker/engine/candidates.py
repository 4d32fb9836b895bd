"""Which waiting job a worker takes next: a batch of candidates in the order of design §2."""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from secretary_common.models import Candidate
from secretary_common.ports import JobCandidates

BATCH_SIZE = 100
# Each key costs a query; those beyond have their turn in the next batch.
KEYS_A_BATCH = 8
OLDEST_SEC = 1.0


def turn_of(owners: Sequence[str], last: str, count: int) -> list[str]:
    """The next *count* of *owners* (sorted) after *last*, whose turn it was, round and round."""
    start = bisect_right(owners, last)
    return [*owners[start:], *owners[:start]][:count]


def in_turn(candidates: Iterable[Candidate], owners: Sequence[str]) -> list[Candidate]:
    """One of each of *owners* after the other, again and again; within a key as they were."""
    by_owner: defaultdict[str, deque[Candidate]] = defaultdict(deque)
    for candidate in candidates:
        by_owner[candidate.owner].append(candidate)
    queues = deque(by_owner[owner] for owner in owners if by_owner[owner])
    ordered = []
    while queues:
        queue = queues.popleft()
        ordered.append(queue.popleft())
        if queue:
            queues.append(queue)
    return ordered


class Candidates:
    """The jobs waiting for one worker, as it should take them.

    Read a batch at a time, always from the beginning: the jobs of the highest priority, the API
    keys in turn. Whose turn it was is remembered from batch to batch, or a worker that takes one
    job of each batch would serve but one key.
    """

    def __init__(
        self,
        jobs: JobCandidates,
        *,
        batch_size: int = BATCH_SIZE,
        monotonic: Callable[[], float] = time.monotonic,
        choose: Callable[[Sequence[str]], str] = random.choice,
        heard_of: Callable[[Candidate], None],
    ) -> None:
        """How it looks, and whom it tells.

        Args:
            jobs: where they wait.
            batch_size: how many jobs to read at a time, about.
            monotonic: seconds, to tell a batch's age.
            choose: with which key to begin: workers should not all begin with the same.
            heard_of: told at each read of the scheduled job that is due first.
        """
        self._jobs = jobs
        self._batch_size = batch_size
        self._monotonic = monotonic
        self._choose = choose
        self._heard_of = heard_of
        self._batch: list[Candidate] = []
        self._job_types: frozenset[str] = frozenset()
        self._read_at = 0.0
        self._last_owner: dict[int, str] = {}

    def __len__(self) -> int:
        """How many candidates are at hand, fresh or not."""
        return len(self._batch)

    async def take(
        self, job_types: Collection[str], now: datetime, skip: float = 0.0
    ) -> Candidate | None:
        """The next candidate of these types at the time *now*, or one further back.

        None: nobody waits.

        Args:
            job_types: what the worker does; a batch of other types is read anew.
            now: the store's time.
            skip: 0 for the head; after a lost race a number in [0, 1) that says how far to skip
                ahead within the priority, so that workers racing for the same head part ways. Who
                is skipped is left to the others, or to the next batch.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        if not self._is_fresh(job_types):
            await self._read(job_types, now)
        if not self._batch:
            return None
        del self._batch[: int(skip * len(self._batch))]
        candidate = self._batch.pop(0)
        self._last_owner[candidate.priority] = candidate.owner
        return candidate

    def _is_fresh(self, job_types: Collection[str]) -> bool:
        age = self._monotonic() - self._read_at
        return bool(self._batch) and age <= OLDEST_SEC and self._job_types == frozenset(job_types)

    async def _read(self, job_types: Collection[str], now: datetime) -> None:
        self._batch = []
        self._job_types, self._read_at = frozenset(job_types), self._monotonic()
        if following := await self._jobs.next_due(job_types, now):
            self._heard_of(following)
        for priority in await self._jobs.waiting_priorities(job_types, now):
            self._batch = await self._read_priority(job_types, priority, now)
            if self._batch:  # else others took them since
                return

    async def _read_priority(
        self, job_types: Collection[str], priority: int, now: datetime
    ) -> list[Candidate]:
        owners = await self._jobs.waiting_owners(job_types, priority, now)
        if not owners:
            return []
        last = self._last_owner.get(priority) or self._choose(owners)
        turn = turn_of(owners, last, KEYS_A_BATCH)
        each = -(-self._batch_size // len(turn))
        found = await self._jobs.oldest_waiting(job_types, priority, turn, now, each)
        return in_turn(found, turn)
