"""A cache that fails costs time, never a job."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import pytest
from prometheus_client import REGISTRY
from support.other_loop import OtherLoop, other_loop

from secretary_common.errors import NotStorable, StoreUnavailable
from secretary_common.models import JsonObject
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_worker.access import cache as cache_module
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.cache import Cache


class Failing:
    """A store that fails, or does not answer."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        await self._fail()
        return {}

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        await self._fail()

    async def _fail(self) -> None:
        if self._error:
            raise self._error
        await asyncio.sleep(60)


@pytest.fixture
def handlers() -> Iterator[OtherLoop]:
    with other_loop() as running:
        yield running


@pytest.fixture
def repository() -> InMemoryCacheRepository:
    return InMemoryCacheRepository(InMemoryFileRepository(), ManualClock())


def counted(metric: str, outcome: str) -> float:
    labels = {"cache": "tests", "outcome": outcome}
    return REGISTRY.get_sample_value(f"secretary_cache_{metric}_total", labels) or 0.0


async def test_stored_values_are_found_from_the_handlers_loop(
    repository: InMemoryCacheRepository, handlers: OtherLoop
) -> None:
    cache = Cache("tests", repository, Bridge())
    hits, misses, kept = (
        counted("lookups", "hit"),
        counted("lookups", "miss"),
        counted("puts", "kept"),
    )
    await handlers.run(cache.put_many({"a": {"n": 1}, "b": {}}))
    assert await handlers.run(cache.get_many(["a", "b", "c", "a"])) == {"a": {"n": 1}, "b": {}}
    assert counted("lookups", "hit") - hits == 2
    assert counted("lookups", "miss") - misses == 1
    assert counted("puts", "kept") - kept == 2


@pytest.mark.parametrize("error", [StoreUnavailable(), NotStorable(), ValueError("odd"), None])
async def test_a_cache_that_fails_returns_nothing_and_logs_it(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cache_module, "GET_SEC", 0.01)
    monkeypatch.setattr(cache_module, "PUT_SEC", 0.01)
    cache = Cache("tests", Failing(error), Bridge())
    failed = counted("lookups", "failed"), counted("puts", "failed")
    assert await cache.get_many(["a", "b"]) == {}
    await cache.put_many({"a": {}})
    assert counted("lookups", "failed") - failed[0] == 2
    assert counted("puts", "failed") - failed[1] == 1
    events = [record.getMessage() for record in caplog.records]
    assert any("cache.not_read" in event for event in events)
    assert any("cache.not_written" in event for event in events)


async def test_a_lookup_can_be_cancelled() -> None:
    asking = asyncio.create_task(Cache("tests", Failing(None), Bridge()).get_many(["a"]))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_an_empty_call_does_not_reach_the_store() -> None:
    cache = Cache("tests", Failing(AssertionError("called")), Bridge())
    failed = counted("lookups", "failed")
    assert await cache.get_many([]) == {}
    await cache.put_many({})
    assert counted("lookups", "failed") == failed
