"""What every cache promises: the in-memory twin, and MongoDB under both drivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from secretary_common.errors import NotStorable
from secretary_common.models import FileKind
from secretary_common.models.cache_value import ENTRY_BYTES, INLINE_BYTES
from secretary_common.mongo import indexes
from secretary_common.mongo.cache import MongoCacheRepository
from secretary_common.mongo.driver import Client
from secretary_common.mongo.files import MongoFileRepository
from secretary_common.ports import FileRepository
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository

HOUR = 3600.0
LARGE = {"text": "ü" * INLINE_BYTES}


@dataclass(frozen=True)
class Place:
    """A cache, where its large values lie, and its time."""

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
        """Every entry, the one used last first."""
        return [one.use[1] for one in await self.cache.latest(9999)]


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    clock = ManualClock()
    if request.param == "memory":
        memory = InMemoryFileRepository()
        yield Place(InMemoryCacheRepository(memory, clock), memory, clock)
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = Client(url, name, request.param)
    await indexes.ensure(client)
    files = MongoFileRepository(client)
    yield Place(MongoCacheRepository(client.collection("cache"), files, clock), files, clock)
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
async def test_a_value_comes_back_as_it_was_kept(place: Place, value: dict[str, Any]) -> None:
    await place.cache.put_many({"a": value, "b": {"n": 2}})
    assert await place.cache.get_many(["a"]) == {"a": value}
    assert await place.cache.get_many(["b", "unknown", "a", "a"]) == {"a": value, "b": {"n": 2}}


async def test_of_nothing_nothing_is_known(place: Place) -> None:
    await place.cache.put_many({})
    assert await place.cache.get_many([]) == {}
    assert await place.cache.get_many(["a"]) == {}
    assert await place.cache.latest(9) == []
    assert await place.cache.remove_unused((place.now, "z"), 9) == 0


@pytest.mark.parametrize("value", [{"n": float("nan")}, {"n": object()}, {"n": b"bytes"}])
async def test_what_is_no_json_is_refused(place: Place, value: dict[str, Any]) -> None:
    with pytest.raises(NotStorable):
        await place.cache.put_many({"a": value})
    assert await place.cache.get_many(["a"]) == {}


async def test_many_large_values_are_found_at_once(place: Place) -> None:
    entries = {f"key-{n}": {"n": n, "text": "x" * (n % 2) * 3 * 2**20} for n in range(6)}
    await place.cache.put_many(entries)
    assert await place.cache.get_many([*entries, "unknown"]) == entries


async def test_thousands_are_kept_and_found_at_once(place: Place) -> None:
    entries = {f"key-{n}": {"n": n} for n in range(1777)}
    await place.cache.put_many(entries)
    assert await place.cache.get_many([*entries, "unknown"]) == entries


@pytest.mark.parametrize("before", [{"n": 1}, LARGE, LARGE | {"n": 1}])
@pytest.mark.parametrize("after", [{"n": 2}, LARGE, LARGE | {"n": 2}])
async def test_a_later_value_replaces_an_earlier_one(
    place: Place, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await place.cache.put_many({"a": before})
    await place.cache.put_many({"a": after})
    assert await place.cache.get_many(["a"]) == {"a": after}
    (entry,) = await place.cache.latest(9)
    assert (entry.size > INLINE_BYTES) is (len(str(after)) > INLINE_BYTES)
    if before is not after and len(str(after)) > INLINE_BYTES:
        assert len(await place.file_ids()) == 1


async def test_two_who_keep_the_same_at_once_both_succeed(place: Place) -> None:
    small = {f"key-{n}": {"n": n} for n in range(100)}
    await asyncio.gather(*(place.cache.put_many(small | {"a": LARGE}) for _ in range(5)))
    assert await place.cache.get_many([*small, "a"]) == small | {"a": LARGE}
    assert len(await place.keys()) == 101


async def test_a_value_whose_file_is_gone_is_not_known(place: Place) -> None:
    await place.cache.put_many({"a": LARGE, "b": {"n": 1}})
    (file_id,) = await place.file_ids()
    await place.files.delete(file_id)
    assert await place.cache.get_many(["a", "b"]) == {"b": {"n": 1}}
    await place.cache.put_many({"a": LARGE})
    assert await place.cache.get_many(["a"]) == {"a": LARGE}


async def test_entries_are_walked_from_the_one_used_last(place: Place) -> None:
    for key in ("old", "b", "a", "c"):
        await place.cache.put_many({key: {}})
        place.clock.advance(HOUR if key == "old" else 0)
    assert await place.keys() == ["c", "b", "a", "old"]  # of one time by their keys
    first = await place.cache.latest(2)
    assert [one.use[1] for one in first] == ["c", "b"]
    assert first[0].size == len("{}") + ENTRY_BYTES
    rest = await place.cache.latest(9, before=first[-1].use)
    assert [one.use[1] for one in rest] == ["a", "old"]
    assert await place.cache.latest(9, before=rest[-1].use) == []


async def test_a_use_is_noted_and_keeps_an_entry(place: Place) -> None:
    await place.cache.put_many({"a": {"n": 1}, "b": LARGE, "c": {}})
    place.clock.advance(2 * HOUR)
    await place.cache.get_many(["a", "b", "unknown"])
    assert (await place.keys())[-1] == "c"
    assert {one.use[0] for one in await place.cache.latest(2)} == {place.now}
    place.clock.advance(2 * HOUR)
    await place.cache.put_many({"c": {}})
    assert (await place.keys())[0] == "c"


async def test_the_longest_unused_go_first_with_their_files(place: Place) -> None:
    for n in range(5):
        await place.cache.put_many({f"key-{n}": LARGE if n % 2 else {}, f"other-{n}": {}})
        place.clock.advance(HOUR)
    uses = {one.use[1]: one.use for one in await place.cache.latest(99)}
    assert await place.cache.remove_unused(uses["key-2"], 3) == 3
    assert (await place.keys())[-3:] == ["other-2", "key-2", "other-1"]
    assert await place.cache.remove_unused(uses["key-2"], 99) == 2
    assert await place.cache.remove_unused(uses["key-2"], 99) == 0
    assert set(await place.keys()) == {"other-2", "key-3", "other-3", "key-4", "other-4"}
    assert len(await place.file_ids()) == 1
    assert await place.cache.get_many(["key-1", "key-3"]) == {"key-3": LARGE}


# What only MongoDB can show.


@pytest.fixture(params=["motor", "pymongo"])
async def client(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[Client]:
    client = Client(mongo_url, database_name, request.param)
    await indexes.ensure(client)
    yield client
    await client.close()


def cache_of(client: Client, clock: ManualClock) -> MongoCacheRepository:
    return MongoCacheRepository(client.collection("cache"), MongoFileRepository(client), clock)


async def test_an_entry_that_is_used_while_it_is_being_removed_stays(client: Client) -> None:
    clock = ManualClock()
    cache = cache_of(client, clock)
    await cache.put_many({"a": LARGE, "b": {"n": 1}, "c": {}})
    upto = (clock.now(), "z")
    clock.advance(2 * HOUR)
    real = cache._entries.find

    async def used_meanwhile(*args: Any, **options: Any) -> Any:
        found = await real(*args, **options)
        await cache_of(client, clock).get_many(["a", "b"])
        return found

    cache._entries.find = used_meanwhile  # type: ignore[method-assign]
    assert await cache.remove_unused(upto, 9) == 1
    cache._entries.find = real  # type: ignore[method-assign]
    assert await cache.get_many(["a", "b", "c"]) == {"a": LARGE, "b": {"n": 1}}


class Killed(BaseException):
    """The process was."""


@pytest.mark.parametrize("arrives", [False, True])
async def test_who_is_killed_while_it_keeps_a_large_value_leaves_nothing_for_ever(
    client: Client, *, arrives: bool
) -> None:
    clock = ManualClock()
    cache, files = cache_of(client, clock), MongoFileRepository(client)
    real = cache._entries.update_one

    async def killed(*args: Any, **options: Any) -> Any:
        if arrives:
            await real(*args, **options)
        raise Killed

    cache._entries.update_one = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await cache.put_many({"a": LARGE})
    (found,) = await files.due_for_check(datetime.max.replace(tzinfo=clock.now().tzinfo), 9)
    assert found.kind is FileKind.CACHE
    known = await cache_of(client, clock).get_many(["a"])
    assert known == ({"a": LARGE} if arrives else {})
