"""Pages that were read before, kept by what they are made of: never by a path, a name or a time."""

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

_LOOKED_UP = 100
# What kill -9 may cost beyond the write under way: entries of one write.
_WRITTEN = 64
# What is written is there once more meanwhile.
_WRITTEN_CHARS = 4 * 2**20
# Beside the fields of a page: the run that read it anew.
_RUN = "run"


class PageCache:
    """The pages of one file as one engine reads them. A store that is away is only a miss."""

    def __init__(
        self,
        repository: CacheRepository | None,
        *,
        sha256: str,
        engine: str,
        reads: bool,
        writes: bool,
        refreshing: str | None = None,
    ) -> None:
        """Wire the cache.

        Args:
            repository: None: nothing is known and nothing kept.
            sha256: of the file.
            engine: the reader's.
            reads: whether what is known is used.
            writes: whether what is read is kept.
            refreshing: the run that reads all anew, if it does: it says so of what it keeps, and
                nothing else is known to it.
        """
        self._reading = repository if reads else None
        self._writing = repository if writes else None
        self._refreshing = refreshing
        self._made_of = {"sha256": sha256, "engine": engine}
        self._waiting: list[Page] = []
        self._wake = asyncio.Event()
        self._done = False

    async def known(self, pages: Sequence[int]) -> list[Page]:
        """Those of *pages* that were read before."""
        if self._reading is None:
            return []
        found: list[Page] = []
        for start in range(0, len(pages), _LOOKED_UP):
            numbers = {self._key(number): number for number in pages[start : start + _LOOKED_UP]}
            try:
                entries = await self._reading.get_many(list(numbers))
            except StoreUnavailable as error:
                log.warning("page_cache.not_read", error=error.message)
                break
            pairs = ((numbers[key], entry) for key, entry in entries.items() if key in numbers)
            found += [page for number, entry in pairs if (page := self._page_of(number, entry))]
        return found

    def keep(self, page: Page) -> None:
        """Have *page* written; soon, and together with others that came meanwhile."""
        if self._writing is not None:
            self._waiting.append(page)
            self._wake.set()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Writes what is kept inside; all of it is written when the context ends.

        After an error too: what was read before it need not be read again. Not if it is cancelled.
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
        while self._waiting or not self._done:
            if self._waiting:
                await self._write_some()
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _write_some(self) -> None:
        """Write the oldest of those in line."""
        some = self._next()
        entries = {self._key(page.number): self._entry_of(page) for page in some}
        try:
            if self._writing is not None:
                await self._writing.put_many(entries)
        except StoreUnavailable as error:
            log.warning("page_cache.not_written", pages=len(some), error=error.message)
            self._writing = None  # the job is not to wait for it again
        del self._waiting[: len(some)]

    def _next(self) -> list[Page]:
        """Those in line that go into the next write."""
        some: list[Page] = []
        chars = 0
        for page in self._waiting[:_WRITTEN]:
            some.append(page)
            chars += len(page.text)
            if chars >= _WRITTEN_CHARS:
                break
        return some

    def _key(self, number: int) -> str:
        made_of = json.dumps({**self._made_of, "page": number}, sort_keys=True)
        return hashlib.sha256(made_of.encode()).hexdigest()

    def _entry_of(self, page: Page) -> JsonObject:
        fields = {key: value for key, value in asdict(page).items() if key != "number"}
        return fields if self._refreshing is None else {**fields, _RUN: self._refreshing}

    def _page_of(self, number: int, entry: JsonObject) -> Page | None:
        if self._refreshing is not None and entry.get(_RUN) != self._refreshing:
            return None
        fields = {key: value for key, value in entry.items() if key != _RUN}
        try:
            return Page(number=number, **fields)
        except TypeError:  # of another version: read it anew
            return None
