"""What is over goes, whole; what is not stays."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    Batch,
    Delivery,
    DeliveryState,
    FileInfo,
    FileKind,
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
from secretary_common.testing.jobs import InMemoryBatchRepository, InMemoryJobRepository
from secretary_common.testing.logs import InMemoryLogRepository
from secretary_common.testing.removal import InMemoryLockRepository, InMemoryRemovalRepository
from secretary_worker.housekeeping import sweeper
from secretary_worker.housekeeping.eviction import Eviction
from secretary_worker.housekeeping.sweeper import Sweeper, Swept

GRACE_SEC = 60.0
CACHE_BYTES = 1_000_000
DAY_SEC = 24 * 3600.0
RETENTION = timedelta(days=30)


class Place:
    """A store with old and new things in it."""

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

    def new_sweeper(self, owner: str, interval_sec: float = 60.0) -> Sweeper:
        return Sweeper(
            removal=self.removal,
            files=self.files,
            logs=self.logs,
            deliveries=self.deliveries,
            locks=self.locks,
            eviction=Eviction(self.cache, self.clock, unused_for=RETENTION, max_bytes=CACHE_BYTES),
            clock=self.clock,
            owner=owner,
            retention=RETENTION,
            grace_sec=GRACE_SEC,
            interval_sec=interval_sec,
        )

    async def job(self, job_id: str = "job-1", **fields: Any) -> Job:
        """A finished job with logs, a file, unnamed results and a delivery."""
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
        """What there is of a job."""
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
def place() -> Place:
    return Place()


@pytest.mark.parametrize("deleted", [False, True])
async def test_what_a_receiver_never_took_outlives_its_job_unless_that_was_deleted(
    place: Place, *, deleted: bool
) -> None:
    job = await place.job()
    replayable_until = place.clock.now() + RETENTION + timedelta(days=3)
    dead = place.delivery("job-1", DeliveryState.DEAD, seq=2)
    kept = dead.model_copy(update={"expires_at": replayable_until})
    await place.deliveries.insert_absent([kept])
    if deleted:
        await place.jobs.delete(job, place.clock.now())
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC + 1)
    await place.sweeper.round()
    assert place.left()["job"] == 0
    left = list(place.deliveries.deliveries.values())
    assert left == ([] if deleted else [kept])


async def test_an_expired_job_goes_with_everything(place: Place) -> None:
    await place.job()
    await place.job("job-2", expires_at=place.clock.now() + 2 * RETENTION)
    place.clock.advance(RETENTION.total_seconds())
    await place.sweeper.round()
    assert place.left() == {**ALL, "files": 1, "whole": 1}  # only an unnamed file goes yet
    place.clock.advance(GRACE_SEC)
    assert await place.sweeper.round() == Swept(jobs=1)
    assert place.left() == NOTHING
    assert place.left("job-2") == {**ALL, "files": 1, "whole": 1}


async def test_a_deleted_job_goes_once_no_attempt_can_write_any_more(place: Place) -> None:
    job = await place.job()
    await place.jobs.delete(job, place.clock.now())
    await place.sweeper.round()
    assert place.left() == ALL
    place.clock.advance(GRACE_SEC)
    await place.sweeper.round()
    assert place.left() == NOTHING


async def test_a_job_whose_webhook_is_on_its_way_stays_and_is_shown(place: Place) -> None:
    await place.job()
    waiting = place.delivery("job-1", DeliveryState.PENDING, seq=2)
    await place.deliveries.insert_absent([waiting])
    place.clock.advance(RETENTION.total_seconds() + DAY_SEC)
    await place.sweeper.round()
    assert await place.jobs.get("job-1") is not None
    assert place.left()["logs"] == 5
    for state in (DeliveryState.SENDING, DeliveryState.DEAD):
        assert place.left()["job"] == 1
        changed = waiting.model_copy(update={"state": state})
        place.deliveries.deliveries[waiting.delivery_id] = changed
        await place.sweeper.round()
    assert place.left() == NOTHING


async def test_a_job_with_an_event_in_its_outbox_stays(place: Place) -> None:
    event = NotifySlot(seq=1, run=1, phase=Phase.COMPLETED, due_at=place.clock.now())
    await place.job(webhook=Webhook(url="https://x.org"), notify=event)
    place.clock.advance(RETENTION.total_seconds() + DAY_SEC)
    await place.sweeper.round()
    assert place.left()["job"] == 1
    assert not await place.jobs.clear_slots([("job-1", 1)], place.clock.now())
    await place.sweeper.round()
    assert place.left() == NOTHING


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
async def test_an_unfinished_job_stays_however_old(place: Place, status: JobStatus) -> None:
    lease = Lease(owner="w", token="t", expires_at=place.clock.now())
    await place.job(status=status, lease=lease)
    place.clock.advance(10 * RETENTION.total_seconds())
    await place.sweeper.round()
    assert place.left() == ALL


class Crash(BaseException):
    """The worker was killed."""


STEPS = [
    ("removal", "expired_jobs"),
    ("deliveries", "has_pending"),
    ("removal", "fence"),
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
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    at: tuple[str, str],
    failure: type[BaseException],
    *,
    arrives: bool,
) -> None:
    await place.job()
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    part, step = getattr(place, at[0]), at[1]
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
        await place.sweeper.round()
    assert failed == [True]
    if place.left()["job"] == 0:  # it goes last
        assert place.left() == NOTHING
    place.clock.advance(sweeper.LOCK_SEC)
    await place.new_sweeper("w2").round()
    assert place.left() == NOTHING


async def test_of_two_sweepers_one_works_until_it_is_gone(place: Place) -> None:
    other = place.new_sweeper("w2")
    rounds = await asyncio.gather(place.sweeper.round(), other.round())
    assert list(rounds) == [Swept(), None]
    await place.job()
    place.clock.advance(sweeper.LOCK_SEC - 1)
    assert await place.sweeper.round() == Swept()
    place.clock.advance(sweeper.LOCK_SEC - 1)
    assert await other.round() is None
    place.clock.advance(1)
    assert await other.round() == Swept()
    assert await place.sweeper.round() is None


async def test_a_sweeper_that_lost_its_lock_in_the_middle_stops(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        await place.job(f"job-{n}")
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = place.removal.remove_job

    async def slow(job_id: str) -> bool:
        place.clock.advance(sweeper.LOCK_SEC)
        assert await place.locks.take(
            sweeper.LOCK, "w2", place.clock.now(), place.clock.now() + timedelta(seconds=60)
        )
        return await real(job_id)

    monkeypatch.setattr(place.removal, "remove_job", slow)
    assert await place.sweeper.round() is None
    assert len(place.jobs.jobs) == 2


async def test_a_sweeper_that_stops_gives_its_lock_up(place: Place) -> None:
    sweeping = asyncio.create_task(place.new_sweeper("w2", interval_sec=0.01).run())
    await until(lambda: bool(place.locks.locks))
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert await place.sweeper.round() == Swept()


async def test_a_sweeper_survives_a_fault_and_an_outage(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: Iterator[Exception] = iter([StoreUnavailable(), LookupError("a fault")])
    real = place.removal.expired_jobs

    async def failing(*args: Any, **options: Any) -> Any:
        if error := next(failures, None):
            raise error
        return await real(*args, **options)

    monkeypatch.setattr(place.removal, "expired_jobs", failing)
    await place.job()
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    sweeping = asyncio.create_task(place.new_sweeper("w2", interval_sec=0.01).run())
    await until(lambda: place.left() == NOTHING)
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_a_retry_between_the_look_and_the_fence_keeps_the_job(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await place.job()
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = place.deliveries.has_pending

    async def meanwhile(job_id: str) -> bool:
        answer = await real(job_id)
        assert await place.jobs.retry(job, place.clock.now())
        return answer

    monkeypatch.setattr(place.deliveries, "has_pending", meanwhile)
    await place.sweeper.round()
    assert place.left() == ALL
    assert place.jobs.jobs["job-1"].status is JobStatus.PENDING


async def test_a_retry_after_the_fence_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await place.job()
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = place.files.of_job
    tries: list[Job | None] = []

    async def meanwhile(job_id: str, limit: int) -> Any:
        tries.append(await place.jobs.retry(job, place.clock.now()))
        return await real(job_id, limit)

    monkeypatch.setattr(place.files, "of_job", meanwhile)
    await place.sweeper.round()
    assert set(tries) == {None}
    assert place.left() == NOTHING


async def test_a_delivery_that_is_made_beside_the_fence_is_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.job()
    place.clock.advance(RETENTION.total_seconds() + GRACE_SEC)
    real = place.removal.fence
    late = place.delivery("job-1", DeliveryState.PENDING, seq=2)

    async def meanwhile(*args: Any) -> bool:
        await place.deliveries.insert_absent([late])
        return await real(*args)

    monkeypatch.setattr(place.removal, "fence", meanwhile)
    await place.sweeper.round()
    assert place.left()["deliveries"] == 2
    delivered = late.model_copy(update={"state": DeliveryState.DELIVERED})
    place.deliveries.deliveries[late.delivery_id] = delivered
    await place.sweeper.round()
    assert place.left() == NOTHING


async def test_jobs_that_must_wait_do_not_keep_others_from_going(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "JOBS_A_ROUND", 2)
    for n in range(5):
        await place.job(f"job-{n}", expires_at=place.clock.now() + timedelta(seconds=n))
        if n < 3:
            waiting = place.delivery(f"job-{n}", DeliveryState.PENDING, seq=2)
            await place.deliveries.insert_absent([waiting])
    place.clock.advance(GRACE_SEC + 60)
    for _ in range(3):
        await place.sweeper.round()
    assert set(place.jobs.jobs) == {"job-0", "job-1", "job-2"}
    for delivery_id, delivery in place.deliveries.deliveries.items():
        dead = delivery.model_copy(update={"state": DeliveryState.DEAD})
        place.deliveries.deliveries[delivery_id] = dead
    for _ in range(3):
        await place.sweeper.round()
    assert place.jobs.jobs == {}


async def test_files_nobody_names_go_after_a_day(place: Place) -> None:
    await place.job()
    kinds = (FileKind.UPLOAD, FileKind.CACHE)
    strays = [await place.files.save(one(b"x"), place.info(kind=kind)) for kind in kinds]
    strays.append(await place.files.save(one(b"x"), place.info("job-gone")))
    begun = place.info("job-gone")
    place.files.begun[begun.file_id] = (begun, place.clock.now() + timedelta(days=1))
    place.clock.advance(DAY_SEC - 1)
    assert await place.sweeper.round() == Swept()
    place.clock.advance(1)
    assert await place.sweeper.round() == Swept(files=5)  # and the results the job does not name
    assert [stored.name for stored, _ in place.files.whole.values()] == ["a"]
    assert place.left()["whole"] == 1
    assert not any(stray.file_id in place.files.begun for stray in strays)


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
async def test_an_upload_stays_as_long_as_a_job_needs_it(place: Place, status: JobStatus) -> None:
    upload = await place.files.save(one(b"x"), place.info(kind=FileKind.UPLOAD))
    parameters = {"file_id": upload.file_id}
    job = await place.job(status=status, parameters=parameters, expires_at=None)
    for _ in range(3):
        place.clock.advance(DAY_SEC)
        await place.sweeper.round()
    assert upload.file_id in place.files.whole
    ended = {"status": JobStatus.COMPLETED, "expires_at": place.clock.now()}
    place.jobs.jobs["job-1"] = job.model_copy(update=ended)
    for _ in range(2):
        place.clock.advance(DAY_SEC)
        await place.sweeper.round()
    assert place.files.whole == {}


async def test_what_a_running_attempt_stored_long_ago_stays(place: Place) -> None:
    lease = Lease(owner="w", token="t", expires_at=place.clock.now())
    await place.job(status=JobStatus.PROCESSING, lease=lease, files=[])
    for _ in range(3):
        place.clock.advance(DAY_SEC)
        await place.sweeper.round()
    assert place.left() == ALL


async def test_a_batch_goes_after_its_last_job(place: Place) -> None:
    job = await place.job(batch_id="batch-1")
    place.batches.batches["batch-1"] = Batch(
        batch_id="batch-1", owner="key-1", job_ids=[job.job_id], created_at=place.clock.now()
    )
    place.clock.advance(RETENTION.total_seconds())
    await place.sweeper.round()
    assert "batch-1" in place.batches.batches
    place.clock.advance(GRACE_SEC)
    assert await place.sweeper.round() == Swept(jobs=1, batches=1)
    assert place.batches.batches == {}


async def test_the_cache_is_kept_within_its_bounds(place: Place) -> None:
    for n in range(30):
        await place.cache.put_many({f"key-{n}": {"text": "x" * 50_000}})
        place.clock.advance(1)
    assert await place.sweeper.round() == Swept(cached=11)
    assert list(place.cache.entries) == [f"key-{n}" for n in range(11, 30)]
    assert await place.new_sweeper("w2").round() is None


async def test_a_file_of_the_cache_that_no_entry_names_goes_after_a_day(place: Place) -> None:
    await place.cache.put_many({"named": {"text": "x" * 100_000}})
    await place.files.save(one(b"x"), place.info(kind=FileKind.CACHE))
    place.clock.advance(DAY_SEC)
    assert await place.sweeper.round() == Swept(files=1)
    assert await place.cache.get_many(["named"])


async def test_an_upload_that_somebody_is_about_to_name_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await place.files.save(one(b"x"), place.info(kind=FileKind.UPLOAD))
    place.clock.advance(DAY_SEC)
    real = place.removal.is_named

    async def asked(file: FileInfo) -> bool:
        named = await real(file)
        assert await place.files.hold_uploads([upload.file_id], place.clock.now())
        return named

    monkeypatch.setattr(place.removal, "is_named", asked)
    assert await place.sweeper.round() == Swept()
    assert await place.files.open(upload.file_id)
    monkeypatch.setattr(place.removal, "is_named", real)
    place.clock.advance(DAY_SEC)
    assert await place.sweeper.round() == Swept(files=1)
