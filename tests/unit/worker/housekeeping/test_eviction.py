"""The cache stays within its bounds; each round does a bounded part of the work."""

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


async def locked() -> None:
    """This worker has the lock."""


class Counting(InMemoryCacheRepository):
    """A cache that counts the entries it reads."""

    def __init__(self, clock: ManualClock) -> None:
        self.files = InMemoryFileRepository()
        super().__init__(self.files, clock)
        self.clock = clock
        self.walked = 0

    async def fill(self, *numbers: int) -> None:
        """Store entries, each used an hour after the one before."""
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
        """Return an eviction with room for so many entries."""
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


async def test_entries_unused_for_long_are_removed(cache: Counting) -> None:
    await cache.fill(0, 1, 2)
    cache.clock.advance(MONTH.total_seconds() - 3 * HOUR)
    await cache.get_many(["key-0001"])
    cache.clock.advance(1.5 * HOUR)
    assert await cache.bounded_by(99).round(locked) == 1
    assert cache.numbers == {1, 2}
    cache.clock.advance(MONTH.total_seconds() + HOUR)
    assert await cache.bounded_by(99).round(locked) == 2


@pytest.mark.parametrize(
    ("bound", "left"), [(10, 10), (3, 3), (3.5, 3), (1, 1), (0.5, 0), (9.99, 9)]
)
async def test_beyond_the_limit_the_least_recently_used_entries_are_removed(
    cache: Counting, bound: float, left: int
) -> None:
    await cache.fill(*range(10))
    assert await cache.bounded_by(bound).round(locked) == 10 - left
    assert cache.numbers == set(range(10 - left, 10))


async def test_no_more_entries_than_needed_are_removed(
    cache: Counting,
) -> None:
    await cache.put_many({f"key-{n:04}": {} for n in range(10)})
    assert await cache.bounded_by(6).round(locked) == 4
    assert len(cache.entries) == 6


async def test_large_values_are_removed_with_their_files(cache: Counting) -> None:
    await cache.put_many({"key-0000": {"text": "x" * INLINE_BYTES}})
    await cache.fill(1)
    assert await cache.bounded_by(2).round(locked) == 1
    assert cache.numbers == {1}
    assert cache.files.whole == {}


@pytest.mark.usefixtures("_small_rounds")
async def test_a_round_does_a_bounded_part_and_the_next_one_continues(cache: Counting) -> None:
    await cache.fill(*range(40))
    bounded = cache.bounded_by(21)
    removed = []
    for _ in range(20):
        before = cache.walked
        removed.append(await bounded.round(locked))
        assert cache.walked - before <= 10
    assert max(removed) <= 6
    assert sum(removed) == 19
    assert cache.numbers == set(range(19, 40))


@pytest.mark.usefixtures("_small_rounds")
async def test_an_entry_used_during_the_eviction_is_kept(cache: Counting) -> None:
    await cache.fill(*range(20))
    bounded = cache.bounded_by(4)
    assert await bounded.round(locked) == 6
    await cache.get_many(["key-0010"])
    for _ in range(9):
        await bounded.round(locked)
    assert 10 in cache.numbers
    assert len(cache.numbers) <= 5


async def test_the_next_round_makes_up_for_a_failure(
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
                await bounded.round(locked)
    assert await bounded.round(locked) == 5


async def test_a_worker_without_the_lock_removes_nothing(cache: Counting) -> None:
    await cache.fill(*range(10))

    async def lost() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await cache.bounded_by(5).round(lost)
    assert len(cache.entries) == 10
