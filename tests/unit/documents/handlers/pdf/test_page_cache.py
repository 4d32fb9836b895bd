"""Pages written into the cache: together, none lost, nobody kept waiting."""

from __future__ import annotations

import asyncio

import pytest
from support.pdf_harness import RememberingCache

from secretary_documents.handlers.pdf.page_cache import PageCache
from secretary_documents.pdf.page import Page


def page(number: int) -> Page:
    return Page(number, f"text {number}", "ocr", confidence=0.5)


def cache_on(store: RememberingCache, engine: str = "e", sha256: str = "ab") -> PageCache:
    return PageCache(store, sha256=sha256, engine=engine, reads=True, writes=True)


async def test_pages_come_back_as_they_were_and_only_for_the_same_file_and_engine() -> None:
    store = RememberingCache()
    cache = cache_on(store)
    async with cache.writing():
        for number in (1, 2, 3):
            cache.keep(page(number))
    assert await cache_on(store).known([3, 1, 7]) == [page(3), page(1)]
    assert await cache_on(store, engine="f").known([1]) == []
    assert await cache_on(store, sha256="cd").known([1]) == []


async def test_who_reads_all_anew_knows_what_this_run_kept_and_nothing_else() -> None:
    store = RememberingCache()

    def refreshing(run: str | None) -> PageCache:
        return PageCache(store, sha256="ab", engine="e", reads=True, writes=True, refreshing=run)

    for run, number in ((None, 1), ("job-1:1", 2), ("job-1:2", 3), ("job-2:1", 4)):
        cache = refreshing(run)
        async with cache.writing():
            cache.keep(page(number))
    assert await refreshing("job-1:1").known([1, 2, 3, 4]) == [page(2)]
    assert await refreshing(None).known([1, 2, 3, 4]) == [page(one) for one in (1, 2, 3, 4)]


async def test_pages_that_come_while_one_is_written_share_the_next_writes() -> None:
    store = RememberingCache()
    cache = cache_on(store)
    async with cache.writing():
        cache.keep(page(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in range(2, 102):
            cache.keep(page(number))
    assert len(store.entries) == 101
    assert len(store.writes) <= 5


async def test_of_large_pages_few_are_written_at_once() -> None:
    store = RememberingCache()
    cache = cache_on(store)
    async with cache.writing():
        for number in range(1, 6):
            cache.keep(Page(number, "x" * 3 * 2**20, "ocr"))
    assert len(store.entries) == 5
    assert max(store.writes) == 2


async def test_what_was_read_before_an_error_is_written() -> None:
    store = RememberingCache()
    cache = cache_on(store)

    async def work() -> None:
        async with cache.writing():
            cache.keep(page(1))
            raise LookupError

    with pytest.raises(LookupError):
        await work()
    assert len(store.entries) == 1


async def test_a_cancelled_attempt_does_not_wait_for_the_store() -> None:
    class Stuck(RememberingCache):
        async def put_many(self, entries: object) -> None:
            await asyncio.Event().wait()

    cache = cache_on(Stuck())

    async def work() -> None:
        async with cache.writing():
            cache.keep(page(1))
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait_for(asyncio.wait([task]), 5)
    assert task.cancelled()


async def test_a_store_that_goes_away_is_not_asked_to_keep_anything_more() -> None:
    store = RememberingCache(away=True)
    cache = cache_on(store)
    async with cache.writing():
        for number in range(100):
            cache.keep(page(number))
    store.away = False
    async with cache.writing():
        cache.keep(page(1))
    assert store.entries == {}
