"""Pages are written into the cache in batches; none is lost, and no reader waits."""

from __future__ import annotations

import asyncio

import pytest
from support.pdf_harness import RecordingCache

from secretary_documents.handlers.pdf.page_cache import PageCache
from secretary_documents.pdf.page import Page


def page(number: int) -> Page:
    return Page(number, f"text {number}", "ocr", confidence=0.5)


def cache_on(store: RecordingCache, fingerprint: str = "e", sha256: str = "ab") -> PageCache:
    return PageCache(store, sha256=sha256, fingerprint=fingerprint, reads=True, writes=True)


async def test_pages_are_found_unchanged_and_only_for_the_same_file_and_reader() -> None:
    store = RecordingCache()
    cache = cache_on(store)
    async with cache.writing():
        for number in (1, 2, 3):
            cache.store(page(number))
    assert await cache_on(store).known([3, 1, 7]) == [page(3), page(1)]
    assert await cache_on(store, fingerprint="f").known([1]) == []
    assert await cache_on(store, sha256="cd").known([1]) == []


async def test_a_run_that_reads_all_pages_again_finds_only_the_pages_it_stored() -> None:
    store = RecordingCache()

    def refreshing(run: str | None) -> PageCache:
        return PageCache(
            store, sha256="ab", fingerprint="e", reads=True, writes=True, refreshing=run
        )

    for run, number in ((None, 1), ("job-1:1", 2), ("job-1:2", 3), ("job-2:1", 4)):
        cache = refreshing(run)
        async with cache.writing():
            cache.store(page(number))
    assert await refreshing("job-1:1").known([1, 2, 3, 4]) == [page(2)]
    assert await refreshing(None).known([1, 2, 3, 4]) == [page(one) for one in (1, 2, 3, 4)]


async def test_pages_that_arrive_during_a_write_share_the_next_writes() -> None:
    store = RecordingCache()
    cache = cache_on(store)
    async with cache.writing():
        cache.store(page(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in range(2, 102):
            cache.store(page(number))
    assert len(store.entries) == 101
    assert len(store.writes) <= 5


async def test_a_write_takes_few_large_pages() -> None:
    store = RecordingCache()
    cache = cache_on(store)
    async with cache.writing():
        for number in range(1, 6):
            cache.store(Page(number, "x" * 3 * 2**20, "ocr"))
    assert len(store.entries) == 5
    assert max(store.writes) == 2


async def test_pages_stored_before_an_error_are_written() -> None:
    store = RecordingCache()
    cache = cache_on(store)

    async def work() -> None:
        async with cache.writing():
            cache.store(page(1))
            raise LookupError

    with pytest.raises(LookupError):
        await work()
    assert len(store.entries) == 1


async def test_a_cancelled_attempt_does_not_wait_for_the_store() -> None:
    class Stuck(RecordingCache):
        async def put_many(self, entries: object) -> None:
            await asyncio.Event().wait()

    cache = cache_on(Stuck())

    async def work() -> None:
        async with cache.writing():
            cache.store(page(1))
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait_for(asyncio.wait([task]), 5)
    assert task.cancelled()


async def test_a_store_that_failed_gets_no_more_writes() -> None:
    store = RecordingCache(down=True)
    cache = cache_on(store)
    async with cache.writing():
        for number in range(100):
            cache.store(page(number))
    store.down = False
    async with cache.writing():
        cache.store(page(1))
    assert store.entries == {}
