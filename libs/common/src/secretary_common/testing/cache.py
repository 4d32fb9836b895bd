"""The in-memory cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from secretary_common.models import FileInfo, FileKind, JsonObject
from secretary_common.models.cache_value import ENTRY_BYTES, INLINE_BYTES, OWNER, encoded, parsed
from secretary_common.ports import CacheEntry
from secretary_common.ports.cache import Use
from secretary_common.runtime.clock import Clock
from secretary_common.testing.files import InMemoryFileRepository


@dataclass(frozen=True, slots=True)
class _Kept:
    use: Use
    raw: bytes
    file_id: str | None


class InMemoryCacheRepository:
    """Cache entries in a dictionary (``ports.CacheRepository``, ``ports.CacheEviction``)."""

    def __init__(self, files: InMemoryFileRepository, clock: Clock) -> None:
        self.entries: dict[str, _Kept] = {}
        self._files = files
        self._clock = clock

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        now = self._clock.now()
        there = {key: self.entries[key] for key in keys if key in self.entries}
        for key, kept in there.items():
            self.entries[key] = replace(kept, use=(now, key))
        known = {
            key: kept.raw
            for key, kept in there.items()
            if kept.file_id is None or kept.file_id in self._files.whole
        }
        return parsed(known)

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        for key, raw in encoded(entries).items():
            replaced = self.entries.get(key)
            if replaced and replaced.file_id:
                await self._files.delete(replaced.file_id)
            file_id = await self._store(raw) if len(raw) > INLINE_BYTES else None
            self.entries[key] = _Kept((self._clock.now(), key), raw, file_id)

    async def latest(self, limit: int, *, before: Use | None = None) -> list[CacheEntry]:
        kept = sorted(self.entries.values(), key=lambda one: one.use, reverse=True)
        found = [one for one in kept if before is None or one.use < before]
        return [CacheEntry(one.use, len(one.raw) + ENTRY_BYTES) for one in found[:limit]]

    async def remove_unused(self, upto: Use, limit: int) -> int:
        order = sorted(self.entries.values(), key=lambda one: one.use)
        unused = [one for one in order if one.use <= upto][:limit]
        for one in unused:
            del self.entries[one.use[1]]
            if one.file_id:
                await self._files.delete(one.file_id)
        return len(unused)

    async def _store(self, raw: bytes) -> str:
        async def content() -> AsyncIterator[bytes]:
            yield raw

        now = self._clock.now()
        info = FileInfo(kind=FileKind.CACHE, owner=OWNER, name="cache.json", created_at=now)
        return (await self._files.save(content(), info)).file_id
