"""The cache keeps within its bounds, a bounded part of the work a round."""

from __future__ import annotations

from datetime import timedelta

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.models.cache_value import ENTRY_BYTES, INLINE_BYTES
from secretary_common.ports import CacheEntry
from secretary_common.ports.cache import Use
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_worker.housekeeping import eviction
from secretary_worker.housekeeping.eviction import Eviction

MONTH = timedelta(days=30)
SIZE = ENTRY_BYTES + len("{}")
HOUR = 3600.0


async def ours() -> None:
    """Return: this worker still has the sweep lock."""


class Counting(InMemoryCacheRepository):
    """A cache that counts what it is asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.files = InMemoryFileRepository()
        super().__init__(self.files, clock)
        self.clock = clock
        self.walked = 0

    async def fill(self, *numbers: int) -> None:
        """Entries, each used an hour after the one before."""
        for n in numbers:
            await self.put_many({f"key-{n:04}": {}})
            self.clock.advance(HOUR)

    async def latest(self, limit: int, *, before: Use | None = None) -> list[CacheEntry]:
        found = await super().latest(limit, before=before)
        self.walked += len(found)
        return found

    @property
    def numbers(self) -> set[int]:
        return {int(key.removeprefix("key-")) for key in self.entries}

    def bounded_by(self, entries: float, unused_for: timedelta = MONTH) -> Eviction:
        """What keeps it at so many entries."""
        max_bytes = int(entries * SIZE)
        return Eviction(self, self.clock, unused_for=unused_for, max_bytes=max_bytes)


@pytest.fixture
def cache() -> Counting:
    return Counting(ManualClock())


@pytest.fixture
def _small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eviction, "PAGE", 5)
    monkeypatch.setattr(eviction, "PAGES_A_ROUND", 2)
    monkeypatch.setattr(eviction, "REMOVED_AT_ONCE", 2)
    monkeypatch.setattr(eviction, "REMOVALS_A_ROUND", 3)


async def test_what_was_not_used_for_long_goes(cache: Counting) -> None:
    await cache.fill(0, 1, 2)
    cache.clock.advance(MONTH.total_seconds() - 3 * HOUR)
    await cache.get_many(["key-0001"])
    cache.clock.advance(1.5 * HOUR)
    assert await cache.bounded_by(99).round(ours) == 1
    assert cache.numbers == {1, 2}
    cache.clock.advance(MONTH.total_seconds() + HOUR)
    assert await cache.bounded_by(99).round(ours) == 2


@pytest.mark.parametrize(
    ("bound", "left"), [(10, 10), (3, 3), (3.5, 3), (1, 1), (0.5, 0), (9.99, 9)]
)
async def test_beyond_the_bound_the_longest_unused_go(
    cache: Counting, bound: float, left: int
) -> None:
    await cache.fill(*range(10))
    assert await cache.bounded_by(bound).round(ours) == 10 - left
    assert cache.numbers == set(range(10 - left, 10))


async def test_of_entries_of_one_time_no_more_go_than_must(cache: Counting) -> None:
    await cache.put_many({f"key-{n:04}": {} for n in range(10)})
    assert await cache.bounded_by(6).round(ours) == 4
    assert len(cache.entries) == 6


async def test_large_values_go_with_their_files(cache: Counting) -> None:
    await cache.put_many({"key-0000": {"text": "x" * INLINE_BYTES}})
    await cache.fill(1)
    assert await cache.bounded_by(2).round(ours) == 1
    assert cache.numbers == {1}
    assert cache.files.whole == {}


@pytest.mark.usefixtures("_small_rounds")
async def test_a_round_does_a_bounded_part_and_the_next_one_goes_on(cache: Counting) -> None:
    await cache.fill(*range(40))
    bounded = cache.bounded_by(21)
    removed = []
    for _ in range(20):
        before = cache.walked
        removed.append(await bounded.round(ours))
        assert cache.walked - before <= 10
    assert max(removed) <= 6
    assert sum(removed) == 19
    assert cache.numbers == set(range(19, 40))


@pytest.mark.usefixtures("_small_rounds")
async def test_what_is_used_while_the_rest_is_evicted_stays(cache: Counting) -> None:
    await cache.fill(*range(20))
    bounded = cache.bounded_by(4)
    assert await bounded.round(ours) == 6
    await cache.get_many(["key-0010"])
    for _ in range(9):
        await bounded.round(ours)
    assert 10 in cache.numbers
    assert len(cache.numbers) <= 5


async def test_a_failure_is_made_good_by_the_next_round(
    cache: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cache.fill(*range(10))
    bounded = cache.bounded_by(5)
    for step in ("latest", "remove_unused"):
        with monkeypatch.context() as patch:

            async def away(*_: object, **__: object) -> None:
                raise StoreUnavailable

            patch.setattr(cache, step, away)
            with pytest.raises(StoreUnavailable):
                await bounded.round(ours)
    assert await bounded.round(ours) == 5


async def test_who_sweeps_no_more_removes_nothing(cache: Counting) -> None:
    await cache.fill(*range(10))

    async def lost() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await cache.bounded_by(5).round(lost)
    assert len(cache.entries) == 10
