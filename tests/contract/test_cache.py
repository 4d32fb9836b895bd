"""What every cache promises: in memory, and MongoDB under both drivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from support.indexed_database import ensure_indexes

from secretary_common.errors import NotStorable
from secretary_common.models import FileKind
from secretary_common.models.cache_value import ENTRY_BYTES, INLINE_BYTES
from secretary_common.mongo.cache import MongoCacheRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.files import MongoFileRepository
from secretary_common.ports import FileRepository
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository

HOUR = 3600.0
LARGE = {"text": "ü" * INLINE_BYTES}


@dataclass(frozen=True)
class Harness:
    """A cache, the files of its large values, and its clock."""

    cache: InMemoryCacheRepository | MongoCacheRepository
    files: FileRepository
    clock: ManualClock

    async def file_ids(self) -> list[str]:
        found = await self.files.due_for_check(datetime.max.replace(tzinfo=self.now.tzinfo), 99)
        assert all(one.kind is FileKind.CACHE for one in found)
        return [one.file_id for one in found]

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def keys(self) -> list[str]:
        """Return the keys of all entries, the most recently used first."""
        return [one.use[1] for one in await self.cache.latest(9999)]


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    clock = ManualClock()
    if request.param == "memory":
        memory = InMemoryFileRepository()
        yield Harness(InMemoryCacheRepository(memory, clock), memory, clock)
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    files = MongoFileRepository(client)
    yield Harness(MongoCacheRepository(client.collection("cache"), files, clock), files, clock)
    await client.close()


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"text": "ü\0\u2028😀", "n": None, "list": [1, 1.5, True, {}]},
        {"$set": {"a.b": 1, "": 2}, "_id": 3},
        {"big": 2**80, "lone": "\ud800"},
        LARGE,
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "replace").decode(),
)
async def test_a_value_comes_back_as_it_was_stored(harness: Harness, value: dict[str, Any]) -> None:
    await harness.cache.put_many({"a": value, "b": {"n": 2}})
    assert await harness.cache.get_many(["a"]) == {"a": value}
    assert await harness.cache.get_many(["b", "unknown", "a", "a"]) == {"a": value, "b": {"n": 2}}


async def test_no_keys_give_no_values(harness: Harness) -> None:
    await harness.cache.put_many({})
    assert await harness.cache.get_many([]) == {}
    assert await harness.cache.get_many(["a"]) == {}
    assert await harness.cache.latest(9) == []
    assert await harness.cache.remove_unused((harness.now, "z"), 9) == 0


@pytest.mark.parametrize("value", [{"n": float("nan")}, {"n": object()}, {"n": b"bytes"}])
async def test_a_value_that_is_not_json_is_refused(harness: Harness, value: dict[str, Any]) -> None:
    with pytest.raises(NotStorable):
        await harness.cache.put_many({"a": value})
    assert await harness.cache.get_many(["a"]) == {}


async def test_many_large_values_are_found_at_once(harness: Harness) -> None:
    entries = {f"key-{n}": {"n": n, "text": "x" * (n % 2) * 3 * 2**20} for n in range(6)}
    await harness.cache.put_many(entries)
    assert await harness.cache.get_many([*entries, "unknown"]) == entries


async def test_thousands_of_values_are_stored_and_found_at_once(harness: Harness) -> None:
    entries = {f"key-{n}": {"n": n} for n in range(1777)}
    await harness.cache.put_many(entries)
    assert await harness.cache.get_many([*entries, "unknown"]) == entries


@pytest.mark.parametrize("before", [{"n": 1}, LARGE, LARGE | {"n": 1}])
@pytest.mark.parametrize("after", [{"n": 2}, LARGE, LARGE | {"n": 2}])
async def test_a_later_value_replaces_an_earlier_one(
    harness: Harness, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await harness.cache.put_many({"a": before})
    await harness.cache.put_many({"a": after})
    assert await harness.cache.get_many(["a"]) == {"a": after}
    (entry,) = await harness.cache.latest(9)
    assert (entry.size > INLINE_BYTES) is (len(str(after)) > INLINE_BYTES)
    if before is not after and len(str(after)) > INLINE_BYTES:
        assert len(await harness.file_ids()) == 1


async def test_two_callers_that_store_the_same_key_at_once_both_succeed(harness: Harness) -> None:
    small = {f"key-{n}": {"n": n} for n in range(100)}
    await asyncio.gather(*(harness.cache.put_many(small | {"a": LARGE}) for _ in range(5)))
    assert await harness.cache.get_many([*small, "a"]) == small | {"a": LARGE}
    assert len(await harness.keys()) == 101


async def test_a_value_whose_file_is_gone_is_not_found(harness: Harness) -> None:
    await harness.cache.put_many({"a": LARGE, "b": {"n": 1}})
    (file_id,) = await harness.file_ids()
    await harness.files.delete(file_id)
    assert await harness.cache.get_many(["a", "b"]) == {"b": {"n": 1}}
    await harness.cache.put_many({"a": LARGE})
    assert await harness.cache.get_many(["a"]) == {"a": LARGE}


async def test_entries_are_listed_from_the_most_recent_use(harness: Harness) -> None:
    for key in ("old", "b", "a", "c"):
        await harness.cache.put_many({key: {}})
        harness.clock.advance(HOUR if key == "old" else 0)
    assert await harness.keys() == [
        "c",
        "b",
        "a",
        "old",
    ]  # entries of the same time are sorted by key
    first = await harness.cache.latest(2)
    assert [one.use[1] for one in first] == ["c", "b"]
    assert first[0].size == len("{}") + ENTRY_BYTES
    rest = await harness.cache.latest(9, before=first[-1].use)
    assert [one.use[1] for one in rest] == ["a", "old"]
    assert await harness.cache.latest(9, before=rest[-1].use) == []


async def test_a_recorded_use_keeps_an_entry(harness: Harness) -> None:
    await harness.cache.put_many({"a": {"n": 1}, "b": LARGE, "c": {}})
    harness.clock.advance(2 * HOUR)
    await harness.cache.get_many(["a", "b", "unknown"])
    assert (await harness.keys())[-1] == "c"
    assert {one.use[0] for one in await harness.cache.latest(2)} == {harness.now}
    harness.clock.advance(2 * HOUR)
    await harness.cache.put_many({"c": {}})
    assert (await harness.keys())[0] == "c"


async def test_the_entries_with_the_oldest_use_are_removed_first_with_their_files(
    harness: Harness,
) -> None:
    for n in range(5):
        await harness.cache.put_many({f"key-{n}": LARGE if n % 2 else {}, f"other-{n}": {}})
        harness.clock.advance(HOUR)
    uses = {one.use[1]: one.use for one in await harness.cache.latest(99)}
    assert await harness.cache.remove_unused(uses["key-2"], 3) == 3
    assert (await harness.keys())[-3:] == ["other-2", "key-2", "other-1"]
    assert await harness.cache.remove_unused(uses["key-2"], 99) == 2
    assert await harness.cache.remove_unused(uses["key-2"], 99) == 0
    assert set(await harness.keys()) == {"other-2", "key-3", "other-3", "key-4", "other-4"}
    assert len(await harness.file_ids()) == 1
    assert await harness.cache.get_many(["key-1", "key-3"]) == {"key-3": LARGE}


# Only MongoDB can show these.


@pytest.fixture(params=["motor", "pymongo"])
async def client(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[DatabaseClient]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    await ensure_indexes(client)
    yield client
    await client.close()


def cache_of(
    client: DatabaseClient, clock: ManualClock, entries: Collection | None = None
) -> MongoCacheRepository:
    entries = entries or client.collection("cache")
    return MongoCacheRepository(entries, MongoFileRepository(client), clock)


async def test_an_entry_that_is_used_while_it_is_being_removed_stays(
    client: DatabaseClient,
) -> None:
    clock, entries = ManualClock(), client.collection("cache")
    cache = cache_of(client, clock, entries)
    await cache.put_many({"a": LARGE, "b": {"n": 1}, "c": {}})
    upto = (clock.now(), "z")
    clock.advance(2 * HOUR)
    real = entries.find

    async def used_meanwhile(*args: Any, **options: Any) -> Any:
        found = await real(*args, **options)
        await cache_of(client, clock).get_many(["a", "b"])
        return found

    entries.find = used_meanwhile  # type: ignore[method-assign]
    assert await cache.remove_unused(upto, 9) == 1
    entries.find = real  # type: ignore[method-assign]
    assert await cache.get_many(["a", "b", "c"]) == {"a": LARGE, "b": {"n": 1}}


class Killed(BaseException):
    """The process was killed."""


@pytest.mark.parametrize("arrives", [False, True])
async def test_a_process_killed_while_it_stores_a_large_value_leaves_a_file_that_is_found(
    client: DatabaseClient, *, arrives: bool
) -> None:
    clock, entries = ManualClock(), client.collection("cache")
    cache, files = cache_of(client, clock, entries), MongoFileRepository(client)
    real = entries.update_one

    async def killed(*args: Any, **options: Any) -> Any:
        if arrives:
            await real(*args, **options)
        raise Killed

    entries.update_one = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await cache.put_many({"a": LARGE})
    (found,) = await files.due_for_check(datetime.max.replace(tzinfo=clock.now().tzinfo), 9)
    assert found.kind is FileKind.CACHE
    known = await cache_of(client, clock).get_many(["a"])
    assert known == ({"a": LARGE} if arrives else {})
