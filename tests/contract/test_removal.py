"""What the removal of old jobs and files can rely on: in memory, and MongoDB under both drivers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import HOOK, NOW, after, current, end, lease, make_job

from secretary_common.errors import KeyInUse
from secretary_common.models import (
    KEY_KEPT,
    Batch,
    FileInfo,
    FileKind,
    Idempotency,
    Job,
    JobError,
    JobFile,
    JobStatus,
    NotifySlot,
    Outcome,
    Phase,
    ResultsFile,
)
from secretary_common.models.cache_value import INLINE_BYTES
from secretary_common.mongo.cache import MongoCacheRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.store import Store
from secretary_common.ports import (
    BatchRepository,
    FileRepository,
    JobRepository,
    LockRepository,
    RemovalRepository,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_common.testing.jobs import InMemoryBatchRepository, InMemoryJobRepository
from secretary_common.testing.removal import InMemoryLockRepository, InMemoryRemovalRepository

ENDED: dict[str, Any] = {
    "status": JobStatus.COMPLETED,
    "expires_at": NOW,
    "completed_at": after(-60),
}
LARGE_VALUE = {"text": "x" * INLINE_BYTES}
EVENT = NotifySlot(seq=1, run=1, phase=Phase.COMPLETED, due_at=NOW)


class Harness:
    """The repositories that hold old jobs and files, and the one that removes them."""

    jobs: JobRepository
    batches: BatchRepository
    files: FileRepository
    cache: InMemoryCacheRepository | MongoCacheRepository
    removal: RemovalRepository
    locks: LockRepository


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    harness = Harness()
    if request.param == "memory":
        jobs = InMemoryJobRepository()
        batches = InMemoryBatchRepository(jobs)
        files = InMemoryFileRepository()
        cache = InMemoryCacheRepository(files, ManualClock())
        harness.jobs, harness.batches, harness.files, harness.cache = jobs, batches, files, cache
        harness.removal, harness.locks = (
            InMemoryRemovalRepository(jobs, batches, cache),
            InMemoryLockRepository(),
        )
        yield harness
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    store = Store(client)
    harness.jobs, harness.batches = store.jobs, store.batches
    harness.files, harness.cache = store.files, store.cache
    harness.removal, harness.locks = store.removal, store.locks
    yield harness
    await store.close()


def ids(found: list[Any]) -> list[str]:
    return [one.id for one in found]


async def test_expired_jobs_are_listed_in_order_to_the_end(harness: Harness) -> None:
    for job_id, seconds in [("b", -1), ("a", -1), ("c", -9), ("late", 1)]:
        await harness.jobs.insert(make_job(job_id, **ENDED | {"expires_at": after(seconds)}))
    await harness.jobs.insert(make_job("for-ever", status=JobStatus.FAILED))
    await harness.jobs.insert(make_job("waits", expires_at=after(-5)))
    first = await harness.removal.expired_jobs(NOW, 2)
    assert ids(first) == ["c", "a"]
    rest = await harness.removal.expired_jobs(NOW, 9, after=first[-1].place)
    assert ids(rest) == ["b"]
    assert await harness.removal.expired_jobs(NOW, 9, after=rest[-1].place) == []


async def test_an_expired_job_shows_whether_an_event_waits_in_its_slot(harness: Harness) -> None:
    await harness.jobs.insert(make_job("quiet", **ENDED))
    await harness.jobs.insert(make_job("with-event", webhook=HOOK, notify=EVENT, **ENDED))
    found = await harness.removal.expired_jobs(NOW, 9)
    assert {one.id: one.has_event for one in found} == {"quiet": False, "with-event": True}


async def test_a_job_that_its_owner_deleted_differs_from_an_expired_one(harness: Harness) -> None:
    await harness.jobs.insert(make_job("expired", **ENDED))
    await harness.jobs.insert(make_job("deleted", status=JobStatus.FAILED))
    job = await harness.jobs.get("deleted")
    assert job is not None
    await harness.jobs.delete(job, NOW)
    assert await harness.removal.mark_expired_as_deleted("expired", NOW, after(1))
    found = await harness.removal.expired_jobs(NOW, 9)
    assert {one.id: one.deleted for one in found} == {"expired": False, "deleted": True}


KEY = Idempotency(key="k", body_hmac="h", at=NOW)
KEYED_UNTIL = NOW + KEY_KEPT


async def test_a_job_marked_as_deleted_disappears_until_it_is_removed_with_its_key(
    harness: Harness,
) -> None:
    await harness.jobs.insert(make_job(idempotency=KEY, **ENDED))
    assert await harness.removal.mark_expired_as_deleted("job-1", NOW, after(1))
    assert await harness.jobs.get("job-1") is None
    assert await harness.jobs.find_by_key("key-1", "k") is not None
    assert await harness.removal.mark_expired_as_deleted(
        "job-1", NOW, after(2)
    )  # repeating succeeds
    assert await harness.removal.remove_job("job-1")
    assert not await harness.removal.remove_job("job-1")
    assert await harness.jobs.find_by_key("key-1", "k") is None


async def test_an_expired_job_shows_until_when_its_key_counts(harness: Harness) -> None:
    await harness.jobs.insert(make_job("keyed", idempotency=KEY, **ENDED))
    await harness.jobs.insert(make_job("plain", **ENDED))
    found = await harness.removal.expired_jobs(NOW, 9)
    assert {one.id: one.keyed_until for one in found} == {"keyed": KEYED_UNTIL, "plain": None}


async def test_a_tombstone_has_the_key_and_nothing_of_the_job_and_expires_with_the_key(
    harness: Harness,
) -> None:
    content: dict[str, Any] = {
        "job_name": "n",
        "tags": ["t"],
        "user_id": "u",
        "file_roots": ["/a"],
        "parameters": {"a": 1},
        "results": {"b": 2},
        "usage": {"c": 3},
        "webhook": HOOK,
        "error": JobError(code="X", message="m"),
    }
    await harness.jobs.insert(make_job(idempotency=KEY, **ENDED, **content))
    assert not await harness.removal.make_tombstone("job-1", NOW, KEYED_UNTIL)
    assert await harness.removal.mark_expired_as_deleted("job-1", NOW, NOW)
    assert await harness.removal.make_tombstone("job-1", NOW, KEYED_UNTIL)
    assert await harness.removal.expired_jobs(after(60), 9) == []
    (found,) = await harness.removal.expired_jobs(KEYED_UNTIL, 9)
    assert (found.place[0], found.is_tombstone, found.keyed_until) == (
        *(KEYED_UNTIL, True),
        KEYED_UNTIL,
    )
    left = await harness.jobs.find_by_key("key-1", "k")
    assert left is not None
    assert (left.job_id, left.status, left.idempotency) == ("job-1", JobStatus.COMPLETED, KEY)
    plain = make_job("job-1", parameters={}, **ENDED)
    assert {name: getattr(left, name) for name in content} == {
        name: getattr(plain, name) for name in content
    }
    with pytest.raises(KeyInUse):
        await harness.jobs.insert(make_job("job-2", idempotency=KEY))


async def test_of_a_deletion_and_repeats_at_once_each_repeat_finds_the_job(
    harness: Harness,
) -> None:
    await harness.jobs.insert(make_job(idempotency=KEY, **ENDED))
    made = await asyncio.gather(
        harness.removal.mark_expired_as_deleted("job-1", NOW, NOW),
        *(harness.jobs.insert(make_job(f"job-r{n}", idempotency=KEY)) for n in range(10)),
        harness.removal.make_tombstone("job-1", NOW, KEYED_UNTIL),
        *(harness.jobs.insert(make_job(f"job-s{n}", idempotency=KEY)) for n in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, KeyInUse) for one in made) == 20
    found = await harness.jobs.find_by_key("key-1", "k")
    assert found is not None
    assert found.job_id == "job-1"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": JobStatus.PENDING},
        {"status": JobStatus.PROCESSING, "lease": lease()},
        {"expires_at": after(1)},
        {"expires_at": None},
        {"webhook": HOOK, "notify": EVENT},
    ],
)
async def test_a_job_that_must_stay_is_neither_marked_nor_removed(
    harness: Harness, fields: dict[str, Any]
) -> None:
    await harness.jobs.insert(make_job(**{**ENDED, **fields}))
    assert not await harness.removal.mark_expired_as_deleted("job-1", NOW, NOW)
    assert not await harness.removal.remove_job("job-1")
    assert (await current(harness.jobs)).deleted_at is None


async def test_exactly_one_of_a_mark_and_a_retry_wins(harness: Harness) -> None:
    for n in range(20):
        job = make_job(f"job-{n}", **ENDED)
        await harness.jobs.insert(job)
        marked, retried = await asyncio.gather(
            harness.removal.mark_expired_as_deleted(job.job_id, NOW, NOW),
            harness.jobs.retry(job, NOW),
        )
        assert marked is (retried is None)
        assert await harness.removal.remove_job(job.job_id) is marked


async def test_a_retried_job_does_not_expire(harness: Harness) -> None:
    job = make_job(**ENDED)
    await harness.jobs.insert(job)
    assert await harness.jobs.retry(job, NOW)
    assert not await harness.removal.mark_expired_as_deleted("job-1", NOW, NOW)
    assert await harness.removal.expired_jobs(after(99), 9) == []


def file(kind: FileKind = FileKind.FILE, **fields: Any) -> FileInfo:
    given = {"owner": "key-1", "name": "a", "created_at": NOW, "job_id": "job-1", "attempt": 1}
    return FileInfo.model_validate({"file_id": "file-1", "kind": kind, **given, **fields})


NAMED = JobFile(name="a", file_id="file-1", size=1, sha256="00", content_type="text/plain")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({**ENDED, "attempt": 1, "files": [NAMED]}, True),
        ({**ENDED, "attempt": 1, "results_file": ResultsFile(file_id="file-1", size=1)}, True),
        ({**ENDED, "attempt": 1}, False),
        ({"status": JobStatus.PROCESSING, "lease": lease(), "attempt": 1}, True),
        ({"status": JobStatus.PROCESSING, "lease": lease(), "attempt": 2}, False),
        ({"job_id": "another", "files": [NAMED]}, False),
    ],
)
async def test_a_file_of_an_attempt_is_named_by_its_job_or_may_be_named_later(
    harness: Harness, fields: dict[str, Any], *, named: bool
) -> None:
    await harness.jobs.insert(make_job(**fields))
    assert await harness.removal.is_referenced(file()) is named


async def test_files_in_a_settlement_are_named(harness: Harness) -> None:
    await harness.jobs.insert(make_job())
    job = await harness.jobs.claim("job-1", lease(), NOW, {"pdf"})
    assert job is not None
    results = ResultsFile(file_id="file-2", size=300_000)
    done = end(Outcome.COMPLETED, files=(NAMED,), results_file=results)
    await harness.jobs.settle(job, "t1", done)
    ended = await current(harness.jobs)
    assert (ended.files, ended.results_file, ended.results) == ([NAMED], results, None)
    assert await harness.removal.is_referenced(file())
    assert await harness.removal.is_referenced(file(FileKind.RESULT, file_id="file-2"))
    assert not await harness.removal.is_referenced(file(file_id="file-3"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [({}, True), (ENDED, True), ({"deleted_at": NOW}, False)],
)
async def test_an_upload_is_named_by_the_jobs_that_use_it(
    harness: Harness, fields: dict[str, Any], *, named: bool
) -> None:
    upload = file(FileKind.UPLOAD, job_id=None, attempt=None)
    assert not await harness.removal.is_referenced(upload)
    await harness.jobs.insert(make_job(parameters={"file_id": "file-1"}, **fields))
    assert await harness.removal.is_referenced(upload) is named


async def test_a_file_of_the_cache_is_named_by_its_entry(harness: Harness) -> None:
    await harness.cache.put_many({"a": LARGE_VALUE})
    (stored,) = await harness.files.due_for_check(after(10**9), 9)
    assert stored.kind is FileKind.CACHE
    assert await harness.removal.is_referenced(stored)
    await harness.cache.remove_unused((after(10**9), ""), 9)
    assert not await harness.removal.is_referenced(stored)


def batch(batch_id: str, seconds: float, *jobs: Job) -> Batch:
    return Batch(
        batch_id=batch_id,
        owner="key-1",
        job_ids=[job.job_id for job in jobs],
        created_at=after(seconds),
    )


async def test_a_batch_is_removed_when_it_is_old_and_has_no_job_left(harness: Harness) -> None:
    job = make_job(batch_id="batch-1", **ENDED)
    await harness.batches.insert(batch("batch-1", -60, job), [job])
    for batch_id, seconds in (("batch-0", -90), ("batch-2", 1)):
        waits = make_job(f"of-{batch_id}", batch_id=batch_id)
        await harness.batches.insert(batch(batch_id, seconds, waits), [waits])
    found = await harness.removal.old_batches(NOW, 9)
    assert ids(found) == ["batch-0", "batch-1"]
    assert ids(await harness.removal.old_batches(NOW, 9, after=found[0].place)) == ["batch-1"]
    assert not await harness.removal.remove_batch("batch-1")
    await harness.removal.mark_expired_as_deleted("job-1", NOW, NOW)
    assert not await harness.removal.remove_batch("batch-1")
    await harness.removal.remove_job("job-1")
    assert await harness.removal.remove_batch("batch-1")
    assert await harness.batches.get("batch-1") is None
    assert await harness.batches.get("batch-2") is not None


async def test_a_lock_has_one_owner_at_a_time(harness: Harness) -> None:
    tries = [harness.locks.take("sweeper", f"w{n}", NOW, after(60)) for n in range(8)]
    assert sum(await asyncio.gather(*tries)) == 1


async def test_a_lock_is_kept_released_and_taken_by_another_owner_once_it_has_ended(
    harness: Harness,
) -> None:
    assert await harness.locks.take("sweeper", "w1", NOW, after(60))
    assert not await harness.locks.take("sweeper", "w2", after(59), after(119))
    assert await harness.locks.take("other", "w2", NOW, after(60))
    assert await harness.locks.take("sweeper", "w1", after(50), after(110))
    assert not await harness.locks.take("sweeper", "w2", after(60), after(120))
    assert await harness.locks.take("sweeper", "w2", after(110), after(170))
    await harness.locks.release("sweeper", "w1")
    assert not await harness.locks.take("sweeper", "w1", after(111), after(171))
    await harness.locks.release("sweeper", "w2")
    assert await harness.locks.take("sweeper", "w1", after(111), after(171))
