"""Expired jobs are removed with everything they own; nothing else is removed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    KEY_KEPT,
    Batch,
    Delivery,
    DeliveryState,
    FileInfo,
    FileKind,
    Idempotency,
    Job,
    JobFile,
    JobStatus,
    Lease,
    LogEntry,
    NotifySlot,
    Phase,
    Webhook,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_common.testing.jobs import (
    InMemoryBatchRepository,
    InMemoryJobRepository,
    InMemoryLogRepository,
)
from secretary_common.testing.removal import InMemoryLockRepository, InMemoryRemovalRepository
from secretary_worker.housekeeping import sweeper
from secretary_worker.housekeeping.eviction import Eviction
from secretary_worker.housekeeping.sweeper import Sweeper, Swept

GRACE_SEC = 60.0
CACHE_BYTES = 1_000_000
DAY_SEC = 24 * 3600.0
RETENTION = timedelta(days=30)


class Scene:
    """A store and the sweeper of one worker."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.jobs = InMemoryJobRepository()
        self.batches = InMemoryBatchRepository(self.jobs)
        self.files = InMemoryFileRepository()
        self.logs = InMemoryLogRepository()
        self.deliveries = InMemoryDeliveryRepository()
        self.cache = InMemoryCacheRepository(self.files, self.clock)
        self.removal = InMemoryRemovalRepository(self.jobs, self.batches, self.cache)
        self.locks = InMemoryLockRepository()
        self.sweeper = self.new_sweeper("w1")

    def new_sweeper(
        self, owner: str, interval_sec: float = 60.0, retention: timedelta = RETENTION
    ) -> Sweeper:
        return Sweeper(
            removal=self.removal,
            files=self.files,
            logs=self.logs,
            deliveries=self.deliveries,
            locks=self.locks,
            eviction=Eviction(self.cache, self.clock, unused_for=RETENTION, max_bytes=CACHE_BYTES),
            clock=self.clock,
            owner=owner,
            retention=retention,
            grace_sec=GRACE_SEC,
            interval_sec=interval_sec,
        )

    async def job(self, job_id: str = "job-1", **fields: Any) -> Job:
        """Store a finished job with logs, a file, a delivery, and results that it does not name."""
        now = self.clock.now()
        info = self.info(job_id)
        stored = await self.files.save(one(b"content"), info)
        await self.files.save(one(b"{}"), self.info(job_id, kind=FileKind.RESULT))
        named = JobFile(
            name="a",
            file_id=stored.file_id,
            size=stored.size,
            sha256=stored.sha256,
            content_type="text/plain",
        )
        given = {
            "job_id": job_id,
            "job_type": "pdf",
            "owner": "key-1",
            **dict.fromkeys(("run_at", "created_at", "updated_at", "completed_at"), now),
            "status": JobStatus.COMPLETED,
            "attempt": 1,
            "files": [named],
            "expires_at": now + RETENTION,
        }
        job = Job.model_validate({**given, **fields})
        await self.jobs.insert(job)
        line = {"timestamp": now, "level": "info", "message": "line", "attempt": 1}
        entries = [LogEntry.model_validate({**line, "seq": seq}) for seq in range(5)]
        await self.logs.append(job_id, entries)
        await self.deliveries.insert_absent([self.delivery(job_id)])
        return job

    def info(self, job_id: str | None = None, **fields: Any) -> FileInfo:
        given = {
            "kind": FileKind.FILE,
            "owner": "key-1",
            "name": "a",
            "created_at": self.clock.now(),
            "job_id": job_id,
            "attempt": job_id and 1,
        }
        return FileInfo.model_validate({**given, **fields})

    def delivery(
        self, job_id: str, state: DeliveryState = DeliveryState.DELIVERED, seq: int = 1
    ) -> Delivery:
        return Delivery(
            delivery_id=f"msg_{job_id}_{seq}",
            job_id=job_id,
            owner="key-1",
            seq=seq,
            run=1,
            phase=Phase.COMPLETED,
            url="https://x.org",
            origin="https://x.org:443",
            body=b"{}",
            state=state,
            created_at=self.clock.now(),
        )

    def left(self, job_id: str = "job-1") -> dict[str, int]:
        """Count what is left of a job."""
        return {
            "job": int(job_id in self.jobs.jobs),
            "files": sum(info.job_id == job_id for info, _ in self.files.begun.values()),
            "whole": sum(stored.job_id == job_id for stored, _ in self.files.whole.values()),
            "logs": sum(key[0] == job_id for key in self.logs.entries),
            "deliveries": sum(d.job_id == job_id for d in self.deliveries.deliveries.values()),
        }


NOTHING = dict.fromkeys(("job", "files", "whole", "logs", "deliveries"), 0)
ALL = {"job": 1, "files": 2, "whole": 2, "logs": 5, "deliveries": 1}


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def until(holds: Callable[[], bool]) -> None:
    """Return once *holds* is true."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("deleted", [False, True])
async def test_an_undelivered_webhook_outlives_its_job_unless_the_job_was_deleted(
    scene: Scene, *, deleted: bool
) -> None:
    job = await scene.job()
    replayable_until = scene.clock.now() + RETENTION + timedelta(days=3)
    dead = scene.delivery("job-1", DeliveryState.DEAD, seq=2)
    kept = dead.model_copy(update={"expires_at": replayable_until})
    await scene.deliveries.insert_absent([kept])
    if deleted:
        await scene.jobs.delete(job, scene.clock.now())
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC + 1)
    await scene.sweeper.round()
    assert scene.left()["job"] == 0
    left = list(scene.deliveries.deliveries.values())
    assert left == ([] if deleted else [kept])


async def test_an_expired_job_is_removed_with_everything_it_owns(scene: Scene) -> None:
    await scene.job()
    await scene.job("job-2", expires_at=scene.clock.now() + 2 * RETENTION)
    scene.clock.advance(RETENTION.total_seconds())
    await scene.sweeper.round()
    assert scene.left() == {**ALL, "files": 1, "whole": 1}  # only the unnamed results are gone
    scene.clock.advance(GRACE_SEC)
    assert await scene.sweeper.round() == Swept(jobs=1)
    assert scene.left() == NOTHING
    assert scene.left("job-2") == {**ALL, "files": 1, "whole": 1}


async def test_a_deleted_job_leaves_its_idempotency_key_for_the_rest_of_its_48_hours(
    scene: Scene,
) -> None:
    key = Idempotency(key="k", body_hmac="h", at=scene.clock.now())
    job = await scene.job(idempotency=key, parameters={"a": 1})
    await scene.jobs.delete(job, scene.clock.now())
    scene.clock.advance(GRACE_SEC)
    assert await scene.sweeper.round() == Swept(jobs=1)
    assert scene.left() == {**NOTHING, "job": 1}
    left = await scene.jobs.find_by_key("key-1", "k")
    assert left is not None
    assert (left.parameters, left.files, left.idempotency) == ({}, [], key)
    scene.clock.advance(KEY_KEPT.total_seconds() - GRACE_SEC)
    assert await scene.sweeper.round() == Swept()
    scene.clock.advance(GRACE_SEC)
    assert await scene.sweeper.round() == Swept(jobs=1)
    assert scene.left() == NOTHING


async def test_the_tombstone_of_an_expired_job_takes_no_delivery_with_it(scene: Scene) -> None:
    now = scene.clock.now()
    key = Idempotency(key="k", body_hmac="h", at=now)
    await scene.job(idempotency=key, expires_at=now)
    dead = scene.delivery("job-1", DeliveryState.DEAD, seq=2)
    kept = dead.model_copy(update={"expires_at": now + RETENTION})
    await scene.deliveries.insert_absent([kept])
    for seconds in (GRACE_SEC, KEY_KEPT.total_seconds()):
        scene.clock.advance(seconds)
        await scene.sweeper.round()
    assert scene.left() == {**NOTHING, "deliveries": 1}


async def test_a_batch_stays_while_its_idempotency_key_counts(scene: Scene) -> None:
    now = scene.clock.now()
    batch = Batch(batch_id="batch-1", owner="key-1", job_ids=[], created_at=now)
    await scene.batches.insert(batch, [])
    brief = scene.new_sweeper("w1", retention=timedelta(hours=1))
    scene.clock.advance(KEY_KEPT.total_seconds() - 1)
    assert await brief.round() == Swept()
    scene.clock.advance(1)
    assert await brief.round() == Swept(batches=1)


async def test_a_deleted_job_is_removed_once_no_attempt_can_write(scene: Scene) -> None:
    job = await scene.job()
    await scene.jobs.delete(job, scene.clock.now())
    await scene.sweeper.round()
    assert scene.left() == ALL
    scene.clock.advance(GRACE_SEC)
    await scene.sweeper.round()
    assert scene.left() == NOTHING


async def test_a_job_whose_webhook_is_pending_is_kept(scene: Scene) -> None:
    await scene.job()
    waiting = scene.delivery("job-1", DeliveryState.PENDING, seq=2)
    await scene.deliveries.insert_absent([waiting])
    scene.clock.advance(RETENTION.total_seconds() + DAY_SEC)
    await scene.sweeper.round()
    assert await scene.jobs.get("job-1") is not None
    assert scene.left()["logs"] == 5
    for state in (DeliveryState.SENDING, DeliveryState.DEAD):
        assert scene.left()["job"] == 1
        changed = waiting.model_copy(update={"state": state})
        scene.deliveries.deliveries[waiting.delivery_id] = changed
        await scene.sweeper.round()
    assert scene.left() == NOTHING


async def test_a_job_with_an_event_in_its_outbox_is_kept(scene: Scene) -> None:
    event = NotifySlot(seq=1, run=1, phase=Phase.COMPLETED, due_at=scene.clock.now())
    await scene.job(webhook=Webhook(url="https://x.org"), notify=event)
    scene.clock.advance(RETENTION.total_seconds() + DAY_SEC)
    await scene.sweeper.round()
    assert scene.left()["job"] == 1
    assert not await scene.jobs.clear_slots([("job-1", 1)], scene.clock.now())
    await scene.sweeper.round()
    assert scene.left() == NOTHING


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
async def test_an_unfinished_job_is_kept_at_any_age(scene: Scene, status: JobStatus) -> None:
    lease = Lease(owner="w", token="t", expires_at=scene.clock.now())
    await scene.job(status=status, lease=lease)
    scene.clock.advance(10 * RETENTION.total_seconds())
    await scene.sweeper.round()
    assert scene.left() == ALL


class Crash(BaseException):
    """The worker was killed."""


STEPS = [
    ("removal", "expired_jobs"),
    ("deliveries", "has_pending"),
    ("removal", "mark_expired_as_deleted"),
    ("files", "of_job"),
    ("files", "delete"),
    ("logs", "delete_some"),
    ("deliveries", "delete_of_job"),
    ("removal", "remove_job"),
]


@pytest.mark.parametrize("arrives", [False, True])
@pytest.mark.parametrize("failure", [Crash, StoreUnavailable, LookupError])
@pytest.mark.parametrize("at", STEPS, ids=".".join)
async def test_a_failure_at_any_step_leaves_nothing_orphaned_after_the_next_round(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    at: tuple[str, str],
    failure: type[BaseException],
    *,
    arrives: bool,
) -> None:
    await scene.job()
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    part, step = getattr(scene, at[0]), at[1]
    real = getattr(part, step)
    failed = [False]

    async def once(*args: Any, **options: Any) -> Any:
        if failed[0]:
            return await real(*args, **options)
        failed[0] = True
        if arrives:
            await real(*args, **options)
        raise failure

    monkeypatch.setattr(part, step, once)
    with contextlib.suppress(failure):
        await scene.sweeper.round()
    assert failed == [True]
    if scene.left()["job"] == 0:  # it is removed last
        assert scene.left() == NOTHING
    scene.clock.advance(sweeper.LOCK_SEC)
    await scene.new_sweeper("w2").round()
    assert scene.left() == NOTHING


async def test_one_of_two_sweepers_works_until_its_lock_expires(scene: Scene) -> None:
    other = scene.new_sweeper("w2")
    rounds = await asyncio.gather(scene.sweeper.round(), other.round())
    assert list(rounds) == [Swept(), None]
    await scene.job()
    scene.clock.advance(sweeper.LOCK_SEC - 1)
    assert await scene.sweeper.round() == Swept()
    scene.clock.advance(sweeper.LOCK_SEC - 1)
    assert await other.round() is None
    scene.clock.advance(1)
    assert await other.round() == Swept()
    assert await scene.sweeper.round() is None


async def test_a_sweeper_that_lost_its_lock_in_the_middle_stops(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        await scene.job(f"job-{n}")
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = scene.removal.remove_job

    async def slow(job_id: str) -> bool:
        scene.clock.advance(sweeper.LOCK_SEC)
        assert await scene.locks.take(
            sweeper.LOCK, "w2", scene.clock.now(), scene.clock.now() + timedelta(seconds=60)
        )
        return await real(job_id)

    monkeypatch.setattr(scene.removal, "remove_job", slow)
    assert await scene.sweeper.round() is None
    assert len(scene.jobs.jobs) == 2


async def test_a_sweeper_that_stops_releases_its_lock(scene: Scene) -> None:
    sweeping = asyncio.create_task(scene.new_sweeper("w2", interval_sec=0.01).run())
    await until(lambda: bool(scene.locks.locks))
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert await scene.sweeper.round() == Swept()


async def test_a_sweeper_survives_a_fault_and_an_outage(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: Iterator[Exception] = iter([StoreUnavailable(), LookupError("a fault")])
    real = scene.removal.expired_jobs

    async def failing(*args: Any, **options: Any) -> Any:
        if error := next(failures, None):
            raise error
        return await real(*args, **options)

    monkeypatch.setattr(scene.removal, "expired_jobs", failing)
    await scene.job()
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    sweeping = asyncio.create_task(scene.new_sweeper("w2", interval_sec=0.01).run())
    await until(lambda: scene.left() == NOTHING)
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_a_retry_before_the_job_is_marked_as_deleted_keeps_the_job(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await scene.job()
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = scene.deliveries.has_pending

    async def meanwhile(job_id: str) -> bool:
        answer = await real(job_id)
        assert await scene.jobs.retry(job, scene.clock.now())
        return answer

    monkeypatch.setattr(scene.deliveries, "has_pending", meanwhile)
    await scene.sweeper.round()
    assert scene.left() == ALL
    assert scene.jobs.jobs["job-1"].status is JobStatus.PENDING


async def test_a_retry_after_the_job_is_marked_as_deleted_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await scene.job()
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = scene.files.of_job
    tries: list[Job | None] = []

    async def meanwhile(job_id: str, limit: int) -> Any:
        tries.append(await scene.jobs.retry(job, scene.clock.now()))
        return await real(job_id, limit)

    monkeypatch.setattr(scene.files, "of_job", meanwhile)
    await scene.sweeper.round()
    assert set(tries) == {None}
    assert scene.left() == NOTHING


async def test_a_delivery_made_just_before_the_job_is_marked_as_deleted_delays_the_removal(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.job()
    scene.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = scene.removal.mark_expired_as_deleted
    late = scene.delivery("job-1", DeliveryState.PENDING, seq=2)

    async def meanwhile(*args: Any) -> bool:
        await scene.deliveries.insert_absent([late])
        return await real(*args)

    monkeypatch.setattr(scene.removal, "mark_expired_as_deleted", meanwhile)
    await scene.sweeper.round()
    assert scene.left()["deliveries"] == 2
    delivered = late.model_copy(update={"state": DeliveryState.DELIVERED})
    scene.deliveries.deliveries[late.delivery_id] = delivered
    await scene.sweeper.round()
    assert scene.left() == NOTHING


async def test_jobs_that_must_wait_do_not_delay_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "JOBS_A_ROUND", 2)
    for n in range(5):
        await scene.job(f"job-{n}", expires_at=scene.clock.now() + timedelta(seconds=n))
        if n < 3:
            waiting = scene.delivery(f"job-{n}", DeliveryState.PENDING, seq=2)
            await scene.deliveries.insert_absent([waiting])
    scene.clock.advance(GRACE_SEC + 60)
    for _ in range(3):
        await scene.sweeper.round()
    assert set(scene.jobs.jobs) == {"job-0", "job-1", "job-2"}
    for delivery_id, delivery in scene.deliveries.deliveries.items():
        dead = delivery.model_copy(update={"state": DeliveryState.DEAD})
        scene.deliveries.deliveries[delivery_id] = dead
    for _ in range(3):
        await scene.sweeper.round()
    assert scene.jobs.jobs == {}


async def test_files_that_no_document_names_are_removed_after_a_day(scene: Scene) -> None:
    await scene.job()
    kinds = (FileKind.UPLOAD, FileKind.CACHE)
    strays = [await scene.files.save(one(b"x"), scene.info(kind=kind)) for kind in kinds]
    strays.append(await scene.files.save(one(b"x"), scene.info("job-gone")))
    begun = scene.info("job-gone")
    scene.files.begun[begun.file_id] = (begun, scene.clock.now() + timedelta(days=1))
    scene.clock.advance(DAY_SEC - 1)
    assert await scene.sweeper.round() == Swept()
    scene.clock.advance(1)
    assert await scene.sweeper.round() == Swept(files=5)  # and the unnamed results
    assert [stored.name for stored, _ in scene.files.whole.values()] == ["a"]
    assert scene.left()["whole"] == 1
    assert not any(stray.file_id in scene.files.begun for stray in strays)


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
async def test_an_upload_is_kept_as_long_as_a_job_needs_it(scene: Scene, status: JobStatus) -> None:
    upload = await scene.files.save(one(b"x"), scene.info(kind=FileKind.UPLOAD))
    parameters = {"file_id": upload.file_id}
    job = await scene.job(status=status, parameters=parameters, expires_at=None)
    for _ in range(3):
        scene.clock.advance(DAY_SEC)
        await scene.sweeper.round()
    assert upload.file_id in scene.files.whole
    ended = {"status": JobStatus.COMPLETED, "expires_at": scene.clock.now()}
    scene.jobs.jobs["job-1"] = job.model_copy(update=ended)
    for _ in range(2):
        scene.clock.advance(DAY_SEC)
        await scene.sweeper.round()
    assert scene.files.whole == {}


async def test_old_files_of_a_running_attempt_are_kept(scene: Scene) -> None:
    lease = Lease(owner="w", token="t", expires_at=scene.clock.now())
    await scene.job(status=JobStatus.PROCESSING, lease=lease, files=[])
    for _ in range(3):
        scene.clock.advance(DAY_SEC)
        await scene.sweeper.round()
    assert scene.left() == ALL


async def test_a_batch_is_removed_after_its_last_job(scene: Scene) -> None:
    job = await scene.job(batch_id="batch-1")
    scene.batches.batches["batch-1"] = Batch(
        batch_id="batch-1", owner="key-1", job_ids=[job.job_id], created_at=scene.clock.now()
    )
    scene.clock.advance(RETENTION.total_seconds())
    await scene.sweeper.round()
    assert "batch-1" in scene.batches.batches
    scene.clock.advance(GRACE_SEC)
    assert await scene.sweeper.round() == Swept(jobs=1, batches=1)
    assert scene.batches.batches == {}


async def test_the_cache_is_kept_within_its_bounds(scene: Scene) -> None:
    for n in range(30):
        await scene.cache.put_many({f"key-{n}": {"text": "x" * 50_000}})
        scene.clock.advance(1)
    assert await scene.sweeper.round() == Swept(cached=11)
    assert list(scene.cache.entries) == [f"key-{n}" for n in range(11, 30)]
    assert await scene.new_sweeper("w2").round() is None


async def test_a_cache_file_that_no_entry_names_is_removed_after_a_day(scene: Scene) -> None:
    await scene.cache.put_many({"named": {"text": "x" * 100_000}})
    await scene.files.save(one(b"x"), scene.info(kind=FileKind.CACHE))
    scene.clock.advance(DAY_SEC)
    assert await scene.sweeper.round() == Swept(files=1)
    assert await scene.cache.get_many(["named"])


async def test_an_upload_is_kept_if_a_job_reserves_it_during_the_check(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await scene.files.save(one(b"x"), scene.info(kind=FileKind.UPLOAD))
    scene.clock.advance(DAY_SEC)
    real = scene.removal.is_referenced

    async def asked(file: FileInfo) -> bool:
        named = await real(file)
        assert await scene.files.keep_uploads([upload.file_id], scene.clock.now())
        return named

    monkeypatch.setattr(scene.removal, "is_referenced", asked)
    assert await scene.sweeper.round() == Swept()
    assert await scene.files.open(upload.file_id)
    monkeypatch.setattr(scene.removal, "is_referenced", real)
    scene.clock.advance(DAY_SEC)
    assert await scene.sweeper.round() == Swept(files=1)
