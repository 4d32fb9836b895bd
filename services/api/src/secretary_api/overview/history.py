"""How many jobs ended in the last hour, how long they waited and how long they ran."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from secretary_common.models import EndedCount, JobStatus, seconds_of
from secretary_common.ports import JobStatistics
from secretary_common.runtime.clock import Clock

SPAN = timedelta(hours=1)
SLOT = timedelta(seconds=15)
"""Slots of this length are read once; the current slot and the one before are read again."""
PIECE = timedelta(minutes=5)
"""The history before the first request is read in pieces, so that no read takes long."""
BUDGET_SEC = 0.1
"""One request reads further pieces while it has taken less than this."""
MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Minute:
    """The jobs that ended in one minute."""

    at: datetime
    completed: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Durations in seconds, known to about a tenth of their value."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class History:
    """The jobs that ended since ``since``, at most an hour ago."""

    since: datetime
    minutes: list[Minute]
    waited: Percentiles | None
    """None: no job ended after an attempt."""
    ran: Percentiles | None
    by_type: dict[str, Counter[str]] = field(default_factory=dict)
    """The number of ended jobs of each type in each final state."""


class RecentHistory:
    """Keeps the counts of the last hour in memory; all requests of a process share them."""

    def __init__(
        self,
        jobs: JobStatistics,
        clock: Clock,
        retention: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._monotonic = monotonic
        self._clock = clock
        self._retention = retention
        self._slots: dict[datetime, list[EndedCount]] = {}
        self._from: datetime | None = None
        self._until: datetime | None = None
        self._updating = asyncio.Lock()

    async def of(self, owner: str | None) -> History:
        """Return the history of the jobs of *owner*; None: of all owners.

        If many jobs ended, the first calls know less than an hour; each call reads more of it.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        async with self._updating:
            await self._update()
        return self._summary(owner)

    async def _update(self) -> None:
        now, ends_at = self._clock.now(), self._monotonic() + BUDGET_SEC
        if self._until is None or self._from is None or now - self._until > PIECE:
            self._slots.clear()
            self._from = self._until = _slot_of(now) + SLOT
            await self._read(self._from - PIECE, self._from)
            self._from -= PIECE
        else:
            # A settlement that takes long may appear in the slot before the current one.
            await self._read(self._until - 2 * SLOT, _slot_of(now) + SLOT)
            self._until = max(self._until, _slot_of(now) + SLOT)
        oldest = _slot_of(now) - SPAN
        while self._from > oldest:
            start = max(self._from - PIECE, oldest)
            await self._read(start, self._from)
            self._from = start
            if self._monotonic() >= ends_at:
                break
        for slot in [slot for slot in self._slots if slot < oldest]:
            del self._slots[slot]

    async def _read(self, since: datetime, until: datetime) -> None:
        found = await self._jobs.ended(since, until, SLOT.total_seconds(), self._retention)
        slot = since
        while slot < until:
            self._slots[slot] = []
            slot += SLOT
        for count in found:
            self._slots[since + count.slot * SLOT].append(count)

    def _summary(self, owner: str | None) -> History:
        since = max(self._from or self._clock.now(), _slot_of(self._clock.now()) - SPAN)
        waited: Counter[int] = Counter()
        ran: Counter[int] = Counter()
        minutes: dict[datetime, Counter[str]] = {}
        by_type: dict[str, Counter[str]] = {}
        for slot, counts in self._slots.items():
            minute = minutes.setdefault(_minute_of(slot), Counter())
            for one in counts:
                if owner not in (None, one.owner):
                    continue
                minute[one.status] += one.count
                by_type.setdefault(one.job_type, Counter())[one.status] += one.count
                if one.status == JobStatus.CANCELLED:
                    continue  # it may have waited only
                _add(waited, one.waited, one.count)
                _add(ran, one.ran, one.count)
        return History(since, _listed(minutes), _percentiles(waited), _percentiles(ran), by_type)


def _listed(minutes: dict[datetime, Counter[str]]) -> list[Minute]:
    return [
        Minute(
            at,
            completed=counts[JobStatus.COMPLETED],
            failed=counts[JobStatus.FAILED],
            cancelled=counts[JobStatus.CANCELLED],
        )
        for at, counts in sorted(minutes.items())
    ]


def _add(counts: Counter[int], bucket: int | None, number: int) -> None:
    if bucket is not None:
        counts[bucket] += number


def _percentiles(counts: Counter[int]) -> Percentiles | None:
    if not counts:
        return None
    return Percentiles(_at(counts, 0.5), _at(counts, 0.95))


def _at(counts: Counter[int], share: float) -> float:
    """Return the duration that *share* of the jobs did not exceed."""
    wanted, seen = share * counts.total(), 0
    for bucket, number in _in_order(counts):
        seen += number
        if seen >= wanted:
            return round(seconds_of(bucket), 4)
    return 0.0


def _in_order(counts: Counter[int]) -> Iterable[tuple[int, int]]:
    return sorted(counts.items())


def _slot_of(moment: datetime) -> datetime:
    return moment - (moment - _EPOCH) % SLOT


def _minute_of(moment: datetime) -> datetime:
    return moment - (moment - _EPOCH) % MINUTE
