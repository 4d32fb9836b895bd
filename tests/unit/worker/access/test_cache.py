"""A cache that fails costs time, never a job. Each API key has entries of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TypeVar

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
from secretary_worker.access.job_scope import JobScope, job_scope

T = TypeVar("T")


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


async def of_key(owner: str, call: Callable[[], Awaitable[T]]) -> T:
    """Make *call* as a handler does that runs a job of the API key *owner*."""
    with job_scope(JobScope(owner)):
        return await call()


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
    await handlers.run(of_key("A", lambda: cache.put_many({"a": {"n": 1}, "b": {}})))
    found = await handlers.run(of_key("A", lambda: cache.get_many(["a", "b", "c", "a"])))
    assert found == {"a": {"n": 1}, "b": {}}
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
    assert await of_key("A", lambda: cache.get_many(["a", "b"])) == {}
    await of_key("A", lambda: cache.put_many({"a": {}}))
    assert counted("lookups", "failed") - failed[0] == 2
    assert counted("puts", "failed") - failed[1] == 1
    events = [record.getMessage() for record in caplog.records]
    assert any("cache.not_read" in event for event in events)
    assert any("cache.not_written" in event for event in events)


async def test_a_lookup_can_be_cancelled() -> None:
    cache = Cache("tests", Failing(None), Bridge())
    asking = asyncio.create_task(of_key("A", lambda: cache.get_many(["a"])))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_an_empty_call_does_not_reach_the_store() -> None:
    cache = Cache("tests", Failing(AssertionError("called")), Bridge())
    failed = counted("lookups", "failed")
    assert await of_key("A", lambda: cache.get_many([])) == {}
    await of_key("A", lambda: cache.put_many({}))
    assert counted("lookups", "failed") == failed


async def test_an_entry_of_one_key_never_answers_a_job_of_another_key(
    repository: InMemoryCacheRepository,
) -> None:
    cache = Cache("tests", repository, Bridge())
    await of_key("A", lambda: cache.put_many({"page": {"of": "A"}}))
    assert await of_key("B", lambda: cache.get_many(["page"])) == {}
    await of_key("B", lambda: cache.put_many({"page": {"of": "B"}}))
    assert await of_key("A", lambda: cache.get_many(["page"])) == {"page": {"of": "A"}}
    assert await of_key("B", lambda: cache.get_many(["page"])) == {"page": {"of": "B"}}


async def test_the_entries_of_a_shared_cache_answer_the_jobs_of_every_key(
    repository: InMemoryCacheRepository,
) -> None:
    cache = Cache("tests", repository, Bridge(), shared=True)
    await of_key("A", lambda: cache.put_many({"page": {"n": 1}}))
    assert await of_key("B", lambda: cache.get_many(["page"])) == {"page": {"n": 1}}


async def test_a_cache_that_is_no_longer_shared_forgets_the_shared_entries(
    repository: InMemoryCacheRepository,
) -> None:
    shared = Cache("tests", repository, Bridge(), shared=True)
    await of_key("A", lambda: shared.put_many({"page": {"n": 1}}))
    cache = Cache("tests", repository, Bridge())
    assert await of_key("A", lambda: cache.get_many(["page"])) == {}


async def test_outside_of_a_job_a_cache_is_empty_and_stores_nothing(
    repository: InMemoryCacheRepository,
) -> None:
    cache = Cache("tests", repository, Bridge())
    await cache.put_many({"page": {"n": 1}})
    assert await cache.get_many(["page"]) == {}
    assert repository.entries == {}


async def test_a_task_and_a_thread_of_a_handler_have_the_entries_of_its_job(
    repository: InMemoryCacheRepository,
) -> None:
    cache = Cache("tests", repository, Bridge())

    async def in_a_task() -> dict[str, JsonObject]:
        return await asyncio.create_task(cache.get_many(["page"]))

    async def in_a_thread() -> dict[str, JsonObject]:
        return await asyncio.to_thread(lambda: asyncio.run(cache.get_many(["page"])))

    await of_key("A", lambda: cache.put_many({"page": {"n": 1}}))
    for call in (in_a_task, in_a_thread):
        assert await of_key("A", call) == {"page": {"n": 1}}
        assert await of_key("B", call) == {}
