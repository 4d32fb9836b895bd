"""The cache in MongoDB: one document per entry, large values in files.

An entry is written after its file and removed before its file. If a process is killed in between, a
file without an entry is left over; the sweeper removes this file
(``MongoRemovalRepository.is_referenced``). If two processes store the same key at once, their
values are the same, so either value may stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from secretary_common.errors import SecretaryError, StoreUnavailable
from secretary_common.models import FileInfo, FileKind, JsonObject
from secretary_common.models.cache_value import ENTRY_BYTES, INLINE_BYTES, OWNER, encoded, parsed
from secretary_common.mongo.driver.collection import Collection, Document, Update
from secretary_common.mongo.stored.fault import Fault
from secretary_common.mongo.stored.reader import note_unreadable
from secretary_common.mongo.stored.shape import EARLIEST, LATEST
from secretary_common.ports import CacheEntry, FileRepository
from secretary_common.ports.cache import Use
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.metrics import CACHE_TRANSFERRED

READ_AT_ONCE = 500
WRITTEN_AT_ONCE = 100
"""Fewer than reads: a write takes about twenty times as long and has the same deadline."""
GROUP_BYTES = 4 * 2**20
"""The most bytes in one write, and about the most that are parsed at a time."""
NOTED_EVERY = timedelta(hours=1)
"""A use is recorded only if the last recorded use is this old, so most reads write nothing."""


class MongoCacheRepository:
    """The cache in MongoDB (``ports.CacheRepository``, ``ports.CacheEviction``)."""

    def __init__(self, entries: Collection, files: FileRepository, clock: Clock) -> None:
        self._entries = entries
        self._files = files
        self._clock = clock

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        wanted = list(dict.fromkeys(keys))
        known: dict[str, JsonObject] = {}
        for start in range(0, len(wanted), READ_AT_ONCE):
            named = await self._entries.find({"_id": {"$in": wanted[start : start + READ_AT_ONCE]}})
            found = [one for one in named if _is_readable(one)]
            await self._note_use(found)
            async for contents in self._contents_of(found):
                CACHE_TRANSFERRED.labels("read").inc(sum(map(len, contents.values())))
                known |= await asyncio.to_thread(parsed, contents)
        return known

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        contents = await asyncio.to_thread(encoded, entries)
        small = {key: raw for key, raw in contents.items() if len(raw) <= INLINE_BYTES}
        for group in _groups(small):
            done = await self._entries.update_each(
                [self._inline(key, raw) for key, raw in group.items()], upsert=True
            )
            for error in done.errors.values():
                if not isinstance(error, DuplicateKeyError):  # another process stored it just now
                    raise error
        for key in contents.keys() - small.keys():
            await self._put_large(key, contents[key])
        CACHE_TRANSFERRED.labels("written").inc(sum(map(len, contents.values())))

    async def latest(self, limit: int, *, before: Use | None = None) -> list[CacheEntry]:
        found = await self._entries.find(
            _before(before, "$lt") if before else {"used_at": {"$gte": EARLIEST, "$lt": LATEST}},
            projection=["used_at", "size"],
            sort=[("used_at", DESCENDING), ("_id", DESCENDING)],
            limit=limit,
        )
        return [CacheEntry((one["used_at"], one["_id"]), _size_of(one)) for one in found]

    async def remove_unused(self, upto: Use, limit: int) -> int:
        unused = _before(upto, "$lte")
        found = await self._entries.find(
            unused,
            projection=["used_at", "file_id"],
            sort=[("used_at", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
        )
        inline = [one["_id"] for one in found if not one.get("file_id")]
        removed = await self._entries.delete_many({"_id": {"$in": inline}, **unused})
        for one in found:
            if file_id := one.get("file_id"):
                this = {"_id": one["_id"], "file_id": file_id, **unused}
                if await self._entries.delete_many(this):
                    await self._files.delete(file_id)
                    removed += 1
        return removed

    async def _note_use(self, found: list[Document]) -> None:
        now = self._clock.now()
        if due := [one["_id"] for one in found if one["used_at"] <= now - NOTED_EVERY]:
            await self._entries.update_many({"_id": {"$in": due}}, {"$max": {"used_at": now}})

    async def _contents_of(self, found: list[Document]) -> AsyncIterator[dict[str, bytes]]:
        """Yield the values of *found* by key, in groups, because parsing holds a value twice."""
        contents: dict[str, bytes] = {}
        size = 0
        for one in found:
            raw = await self._content_of(one)
            if raw is None:
                continue
            contents[one["_id"]] = raw
            size += len(raw)
            if size > GROUP_BYTES:
                yield contents
                contents, size = {}, 0
        yield contents

    async def _content_of(self, entry: Document) -> bytes | None:
        """Return the value of an entry; None if its file is gone or is being removed."""
        if "data" in entry:
            data: bytes = entry["data"]
            return data
        try:
            found = await self._files.open(entry["file_id"])
            return b"".join([chunk async for chunk in found.chunks]) if found else None
        except StoreUnavailable:
            raise
        except SecretaryError:
            return None

    def _inline(self, key: str, raw: bytes) -> Update:
        put = {"used_at": self._clock.now(), "size": len(raw) + ENTRY_BYTES, "data": raw}
        # If the replaced value had a file, no entry names it now: the sweeper removes it.
        return {"_id": key}, {"$set": put, "$unset": {"file_id": ""}}

    async def _put_large(self, key: str, raw: bytes) -> None:
        now = self._clock.now()
        replaced = await self._entries.find_one({"_id": key}, projection=["file_id"]) or {}
        info = FileInfo(kind=FileKind.CACHE, owner=OWNER, name="cache.json", created_at=now)
        stored = await self._files.save(_whole(raw), info)
        put = {"used_at": now, "size": len(raw) + ENTRY_BYTES, "file_id": stored.file_id}
        leftover = replaced.get("file_id")
        try:
            change = {"$set": put, "$unset": {"data": ""}}
            await self._entries.update_one({"_id": key}, change, upsert=True)
        except DuplicateKeyError:  # another process stored it just now
            leftover = stored.file_id
        if leftover:
            await self._files.delete(leftover)


def _is_readable(entry: Document) -> bool:
    """Return whether an entry can be used. If not, it is a miss; the next write replaces it."""
    is_readable = isinstance(entry.get("used_at"), datetime) and (
        isinstance(entry["data"], bytes)
        if "data" in entry
        else isinstance(entry.get("file_id"), str)
    )
    if not is_readable:
        fault = Fault(("data",), "or used_at or file_id is missing or of another type")
        note_unreadable("cache", entry["_id"], fault)
    return is_readable


def _size_of(entry: Document) -> int:
    size = entry.get("size")
    return size if isinstance(size, int) else ENTRY_BYTES


def _before(use: Use, comparison: str) -> Document:
    """Match entries before *use* by (``used_at``, ``_id``); with ``$lte`` also at *use*."""
    moment, key = use
    # The bound on used_at is for the index; the rest orders entries of the same millisecond.
    tie: list[Document] = [{"used_at": {"$lt": moment}}, {"_id": {comparison: key}}]
    return {"used_at": {"$gte": EARLIEST, "$lte": moment}, "$or": tie}


def _groups(contents: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Split *contents* into groups for one write each."""
    group: dict[str, bytes] = {}
    size = 0
    for key, raw in contents.items():
        if group and (len(group) == WRITTEN_AT_ONCE or size + len(raw) > GROUP_BYTES):
            yield group
            group, size = {}, 0
        group[key] = raw
        size += len(raw)
    if group:
        yield group


async def _whole(raw: bytes) -> AsyncIterator[bytes]:
    yield raw
