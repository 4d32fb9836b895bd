"""Caches pages. A key has the file's digest, the reader's fingerprint and the page number."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict

from secretary_common.errors import StoreUnavailable
from secretary_common.models import JsonObject
from secretary_common.ports.cache import CacheRepository
from secretary_common.runtime.log import get_logger
from secretary_documents.pdf.page import Page

log = get_logger(__name__)

# The most entries of one read.
_READ_BATCH = 100
# The most entries of one write. If the worker is killed during a write, its pages are lost.
_WRITE_BATCH = 64
# The most text of one write. During a write its entries are in memory twice.
_WRITE_CHARS = 4 * 2**20
# A field of an entry that a run with ``force_refresh`` has written. It names the run.
_RUN = "run"
# Most pages have none of these fields. Without them, an entry is small, and an older version can
# read it.
_OPTIONAL = ("outputs", "lines", "pictures", "edges", "name")


class PageCache:
    """The cached pages of one file and one reader. If the store fails, pages are read again."""

    def __init__(
        self,
        repository: CacheRepository | None,
        *,
        sha256: str,
        fingerprint: str,
        reads: bool,
        writes: bool,
        refreshing: str | None = None,
    ) -> None:
        """Wire the cache.

        Args:
            repository: the store; with None, nothing is cached.
            sha256: the digest of the file.
            fingerprint: the fingerprint of the reader.
            reads: whether cached pages are used.
            writes: whether pages are stored.
            refreshing: the run that reads all pages again, or None. The pages of such a run are
                stored with its name, and only pages with this name are found.
        """
        self._read_store = repository if reads else None
        self._write_store = repository if writes else None
        self._refreshing = refreshing
        self._key_parts = {"sha256": sha256, "engine": fingerprint}
        self._queue: list[Page] = []
        self._wake = asyncio.Event()
        self._done = False

    async def known(self, pages: Sequence[int]) -> list[Page]:
        """Return those of *pages* that are cached."""
        if self._read_store is None:
            return []
        found: list[Page] = []
        for start in range(0, len(pages), _READ_BATCH):
            numbers = {self._key(number): number for number in pages[start : start + _READ_BATCH]}
            try:
                entries = await self._read_store.get_many(list(numbers))
            except StoreUnavailable as error:
                log.warning("page_cache.not_read", error=error.message)
                break
            pairs = ((numbers[key], entry) for key, entry in entries.items() if key in numbers)
            found += [page for number, entry in pairs if (page := self._page_of(number, entry))]
        return found

    def store(self, page: Page) -> None:
        """Queue *page* for a write of the background task (``writing``)."""
        if self._write_store is not None:
            self._queue.append(page)
            self._wake.set()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write queued pages in the background; write the rest when the context ends.

        After an error the rest is written too, so that the next attempt does not read these pages
        again. If the caller is cancelled, the rest is not written.
        """
        task = asyncio.create_task(self._write())
        try:
            yield
        except asyncio.CancelledError:
            raise
        except Exception:
            await self._finish(task)
            raise
        else:
            await self._finish(task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _finish(self, task: asyncio.Task[None]) -> None:
        self._done = True
        self._wake.set()
        await task

    async def _write(self) -> None:
        while self._queue or not self._done:
            if self._queue:
                await self._write_some()
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _write_some(self) -> None:
        """Write the oldest queued pages."""
        some = self._next()
        entries = {self._key(page.number): self._entry_of(page) for page in some}
        try:
            if self._write_store is not None:
                await self._write_store.put_many(entries)
        except StoreUnavailable as error:
            log.warning("page_cache.not_written", pages=len(some), error=error.message)
            self._write_store = None  # the job must not wait for the store again
        del self._queue[: len(some)]

    def _next(self) -> list[Page]:
        """Return the queued pages that go into the next write."""
        some: list[Page] = []
        chars = 0
        for page in self._queue[:_WRITE_BATCH]:
            some.append(page)
            chars += page.size
            if chars >= _WRITE_CHARS:
                break
        return some

    def _key(self, number: int) -> str:
        key_parts = json.dumps({**self._key_parts, "page": number}, sort_keys=True)
        return hashlib.sha256(key_parts.encode()).hexdigest()

    def _entry_of(self, page: Page) -> JsonObject:
        fields = {
            key: value
            for key, value in asdict(page).items()
            if key != "number" and not (key in _OPTIONAL and not value)
        }
        return fields if self._refreshing is None else {**fields, _RUN: self._refreshing}

    def _page_of(self, number: int, entry: JsonObject) -> Page | None:
        if self._refreshing is not None and entry.get(_RUN) != self._refreshing:
            return None
        fields = {key: value for key, value in entry.items() if key != _RUN}
        try:
            return Page(number=number, **fields)
        except TypeError:  # an entry of another version: read the page again
            return None
