"""The writes behind clients' actions, in every job repository."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from contract.conftest import Stores
from support.job_samples import (
    HOOK,
    NOW,
    TYPES,
    after,
    claimed,
    current,
    end,
    lease,
    make_job,
    progress,
)

from secretary_common.errors import KeyInUse, StaleClaim
from secretary_common.models import (
    Batch,
    EndedCount,
    Idempotency,
    Job,
    JobError,
    JobStatus,
    Outcome,
    Phase,
    StatusCounts,
    TypeStatistic,
    bucket_of,
)
from secretary_common.ports import BatchRepository, JobRepository

TERMINAL = [Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED]


async def waiting(jobs: JobRepository, **fields: Any) -> Job:
    await jobs.insert(make_job(**fields))
    return await current(jobs)


async def ended(jobs: JobRepository, outcome: Outcome = Outcome.FAILED, **fields: Any) -> Job:
    job = await claimed(jobs, **fields)
    error = JobError(code="PROCESSING_ERROR", message="boom")
    done = end(outcome, error=error, results={"n": 1}, usage={"pages": 1}, expires_at=after(99))
    await jobs.settle(job, "t1", done)
    return await current(jobs)


async def test_a_waiting_job_is_cancelled_at_once(jobs: JobRepository) -> None:
    job = await waiting(jobs, webhook=HOOK)
    done = await jobs.cancel(job, after(1), after(99))
    assert done is not None
    assert done == await current(jobs)
    assert (done.status, done.seq, done.completed_at) == (JobStatus.CANCELLED, 1, after(1))
    assert done.expires_at == after(99)
    assert done.notify is not None
    assert (done.notify.phase, done.notify.seq) == (Phase.CANCELLED, 1)
    assert await jobs.claim("job-1", lease(), after(2), TYPES) is None


async def test_a_cancellation_after_a_claim_changes_nothing(jobs: JobRepository) -> None:
    job = await waiting(jobs)
    held = await jobs.claim("job-1", lease(), NOW, TYPES)
    assert await jobs.cancel(job, after(1), after(99)) is None
    assert await current(jobs) == held


async def test_a_running_job_is_asked_to_stop_even_if_it_reports_progress_meanwhile(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    await jobs.record_progress(progress(2))
    asked = await jobs.request_cancel(job, after(1))
    assert asked is not None
    assert asked.cancel_requested
    assert (asked.status, asked.lease, asked.seq) == (JobStatus.PROCESSING, job.lease, 2)
    assert await jobs.request_cancel(job, after(2)) is not None


async def test_a_cancellation_request_after_the_end_of_the_attempt_is_refused(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.RETRY, run_at=after(9)))
    assert await jobs.request_cancel(job, after(6)) is None
    assert not (await current(jobs)).cancel_requested


@pytest.mark.parametrize("outcome", TERMINAL)
async def test_an_explicit_retry_starts_a_new_run(jobs: JobRepository, outcome: Outcome) -> None:
    job = await ended(jobs, outcome)
    again = await jobs.retry(job, after(10))
    assert again is not None
    assert again == await current(jobs)
    assert (again.status, again.run, again.run_at) == (JobStatus.PENDING, 2, after(10))
    assert (again.attempt, again.counted_attempts, again.seq) == (1, 0, job.seq + 1)
    kept = (again.results, again.error, again.usage, again.completed_at, again.expires_at)
    assert kept == (None,) * 5
    assert again.progress is None
    third = await jobs.claim("job-1", lease("t3"), after(11), TYPES)
    assert third is not None
    assert third.attempt == 2


async def test_a_cancelled_job_that_is_retried_is_no_longer_cancelled(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.request_cancel(job, after(1))
    await jobs.settle(job, "t1", end(Outcome.CANCELLED))
    again = await jobs.retry(await current(jobs), after(10))
    assert again is not None
    assert not again.cancel_requested
    assert await jobs.claim("job-1", lease("t2"), after(10), TYPES)


async def test_a_retry_waits_for_the_outbox_slot(jobs: JobRepository) -> None:
    job = await ended(jobs, webhook=HOOK)
    assert job.notify is not None
    assert await jobs.retry(job, after(10)) is None
    assert not await jobs.clear_slots([("job-1", job.notify.seq)], after(10))
    assert await jobs.retry(job, after(10))


async def test_exactly_one_of_many_retries_starts_a_run(jobs: JobRepository) -> None:
    job = await ended(jobs)
    made = await asyncio.gather(*(jobs.retry(job, after(10)) for _ in range(8)))
    assert sum(again is not None for again in made) == 1
    assert (await current(jobs)).run == 2


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
async def test_a_job_that_has_not_ended_cannot_be_retried(
    jobs: JobRepository, status: JobStatus
) -> None:
    job = await (waiting if status is JobStatus.PENDING else claimed)(jobs)
    assert await jobs.retry(job, after(1)) is None


async def test_a_late_settlement_does_not_touch_the_new_run(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.FAILED))
    again = await jobs.retry(await current(jobs), after(10))
    assert again is not None
    held = await jobs.claim("job-1", lease("t2", seconds=60), after(11), TYPES)
    with pytest.raises(StaleClaim):
        await jobs.settle(job, "t9", end(Outcome.COMPLETED, results={"late": True}))
    assert await current(jobs) == held


async def test_a_repeated_settlement_is_recognised_even_after_the_next_claim(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    back = end(Outcome.HANDED_BACK, run_at=after(5))
    await jobs.settle(job, "t1", back)
    held = await jobs.claim("job-1", lease("t2", seconds=60), after(6), TYPES)
    assert await jobs.settle(job, "t1", back) == back
    assert await current(jobs) == held


async def test_a_deleted_job_disappears_at_once(jobs: JobRepository) -> None:
    job = await ended(jobs)
    assert await jobs.delete(job, after(10))
    assert await jobs.get("job-1") is None
    assert await jobs.retry(job, after(11)) is None
    assert await jobs.delete(job, after(11)) is None


async def test_a_waiting_job_that_is_deleted_never_runs(jobs: JobRepository) -> None:
    job = await waiting(jobs, webhook=HOOK)
    done = await jobs.delete(job, after(1))
    assert done is not None
    assert (done.status, done.deleted_at) == (JobStatus.CANCELLED, after(1))
    assert done.notify is not None
    assert await jobs.claim("job-1", lease(), after(2), TYPES) is None
    assert await jobs.waiting_priorities(TYPES, after(2)) == []


async def test_a_running_job_is_not_deleted(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    assert await jobs.delete(job, after(1)) is None
    assert await current(jobs) == job


def keyed(body: str = "a", seconds: float = 0) -> Idempotency:
    return Idempotency(key="k1", body_hmac=body, at=after(seconds))


async def test_an_idempotency_key_has_one_job(jobs: JobRepository) -> None:
    made = await asyncio.gather(
        *(jobs.insert(make_job(f"job-{n}", idempotency=keyed())) for n in range(10)),
        return_exceptions=True,
    )
    assert sum(one is None for one in made) == 1
    assert all(one is None or isinstance(one, KeyInUse) for one in made)
    found = await jobs.find_by_key("key-1", "k1")
    assert found is not None
    assert await jobs.get(found.job_id) == found


async def test_an_idempotency_key_belongs_to_its_owner(jobs: JobRepository) -> None:
    await jobs.insert(make_job("job-1", idempotency=keyed()))
    await jobs.insert(make_job("job-2", idempotency=keyed(), owner="key-2"))
    await jobs.insert(make_job("job-3"))
    await jobs.insert(make_job("job-4"))
    assert await jobs.find_by_key("key-3", "k1") is None


async def test_a_released_key_is_free_again(jobs: JobRepository) -> None:
    job = await waiting(jobs, idempotency=keyed())
    newer = job.model_copy(update={"idempotency": keyed(seconds=5)})
    await jobs.release_key(newer)
    with pytest.raises(KeyInUse):
        await jobs.insert(make_job("job-2", idempotency=keyed()))
    await jobs.release_key(job)
    await jobs.insert(make_job("job-2", idempotency=keyed()))
    assert (await current(jobs)).idempotency is None


async def test_a_deleted_job_keeps_its_idempotency_key(jobs: JobRepository) -> None:
    await jobs.delete(await waiting(jobs, idempotency=keyed()), after(1))
    assert await jobs.get("job-1") is None
    found = await jobs.find_by_key("key-1", "k1")
    assert found is not None
    assert (found.job_id, found.deleted_at) == ("job-1", after(1))
    with pytest.raises(KeyInUse):
        await jobs.insert(make_job("job-2", idempotency=keyed()))


async def test_statistics_are_exact(jobs: JobRepository) -> None:
    for n, seconds in enumerate([-9, -3, 0, 5]):
        await jobs.insert(make_job(f"job-w{n}", run_at=after(seconds), owner=f"key-{n % 2}"))
    await claimed(jobs)
    await jobs.insert(make_job("job-o", job_type="other", status="completed"))
    assert await jobs.statistics(["pdf", "other"], NOW) == {
        "pdf": TypeStatistic(waiting=3, scheduled=1, running=1, oldest_wait_sec=9),
        "other": TypeStatistic(),
    }
    assert await jobs.statistics(["pdf"], NOW, owner="key-1") == {
        "pdf": TypeStatistic(waiting=1, scheduled=1, running=1, oldest_wait_sec=3)
    }
    assert await jobs.statistics(["pdf"], NOW, most=2) == {
        "pdf": TypeStatistic(waiting=2, scheduled=1, running=1, oldest_wait_sec=9)
    }


def batch_of(*jobs: Job, batch_id: str = "batch-1", **fields: Any) -> Batch:
    ids = [job.job_id for job in jobs]
    return Batch(batch_id=batch_id, owner="key-1", job_ids=ids, created_at=NOW, **fields)


async def test_a_batch_is_stored_with_its_jobs(stores: Stores) -> None:
    made = [make_job(f"job-{n}", batch_id="batch-1") for n in (2, 1, 3)]
    batch = batch_of(*made, batch_name="three")
    await stores.batches.insert(batch, made)
    assert await stores.batches.get("batch-1") == batch
    assert [await stores.jobs.get(job.job_id) for job in made] == made
    assert await stores.batches.get("batch-2") is None


async def test_batches_are_listed_newest_first_by_pages_and_by_key(stores: Stores) -> None:
    for n in range(4):
        job = make_job(f"job-{n}", batch_id=f"batch-{n}")
        fields = {"created_at": after(n // 2), "owner": "key-2" if n == 1 else "key-1"}
        await stores.batches.insert(
            batch_of(job, batch_id=f"batch-{n}").model_copy(update=fields), [job]
        )

    async def listed(owner: str | None, limit: int = 10) -> list[str]:
        names: list[str] = []
        place: tuple[datetime, str] | None = None
        while True:
            page, place = await stores.batches.find(owner, after=place, limit=limit)
            names += [batch.batch_id for batch in page]
            assert [batch.job_ids for batch in page] == [[]] * len(page)
            if place is None:
                return names

    assert await listed(None) == ["batch-3", "batch-2", "batch-1", "batch-0"]
    assert await listed(None, 1) == ["batch-3", "batch-2", "batch-1", "batch-0"]
    assert await listed("key-1", 2) == ["batch-3", "batch-2", "batch-0"]
    assert await listed("key-3") == []


async def test_a_batch_under_a_used_key_stores_nothing(stores: Stores) -> None:
    first = make_job("job-1", batch_id="batch-1")
    await stores.batches.insert(batch_of(first, idempotency=keyed()), [first])
    second = make_job("job-2", batch_id="batch-2")
    with pytest.raises(KeyInUse):
        await stores.batches.insert(
            batch_of(second, batch_id="batch-2", idempotency=keyed()), [second]
        )
    assert await stores.jobs.get("job-2") is None
    assert await stores.batches.get("batch-2") is None
    found = await stores.batches.find_by_key("key-1", "k1")
    assert found is not None
    await stores.batches.release_key(found)
    await stores.batches.insert(batch_of(second, batch_id="batch-2", idempotency=keyed()), [second])


async def test_a_batch_is_counted_from_its_jobs(stores: Stores) -> None:
    jobs = stores.jobs
    made = [make_job(f"job-{n}", batch_id="batch-1") for n in range(5)]
    await stores.batches.insert(batch_of(*made), made)
    await jobs.insert(make_job("job-x"))

    async def counted() -> StatusCounts:
        return await jobs.batch_counts("batch-1")

    assert await counted() == StatusCounts(pending=5)
    await jobs.cancel(made[0], after(1), after(9))
    await jobs.delete(made[1], after(1))
    held = await jobs.claim("job-2", lease(), after(1), TYPES)
    assert held is not None
    assert await counted() == StatusCounts(pending=2, processing=1, cancelled=1)
    await jobs.settle(held, "t1", end(Outcome.COMPLETED))
    assert await counted() == StatusCounts(pending=2, completed=1, cancelled=1)


async def test_a_batch_may_have_a_thousand_jobs(batches: BatchRepository) -> None:
    made = [make_job(f"job-{n}", batch_id="batch-1") for n in range(1000)]
    await batches.insert(batch_of(*made), made)
    found = await batches.get("batch-1")
    assert found is not None
    assert len(found.job_ids) == 1000


Race = Callable[[JobRepository, Job], Awaitable[Job | None]]
RACES: dict[str, Race] = {
    "cancel": lambda jobs, job: jobs.cancel(job, after(1), after(99)),
    "delete": lambda jobs, job: jobs.delete(job, after(1)),
    "claim": lambda jobs, job: jobs.claim(job.job_id, lease(), NOW + timedelta(seconds=1), TYPES),
}


@pytest.mark.parametrize(("one", "other"), [("cancel", "claim"), ("delete", "claim")])
async def test_exactly_one_of_a_claim_and_a_clients_action_wins(
    jobs: JobRepository, one: str, other: str
) -> None:
    job = await waiting(jobs)
    done = await asyncio.gather(RACES[one](jobs, job), RACES[other](jobs, job))
    assert sum(moved is not None for moved in done) == 1


async def test_ended_jobs_are_counted_by_slot_owner_state_and_durations(
    jobs: JobRepository,
) -> None:
    retention = timedelta(days=30)

    async def stored(name: str, second: float, **fields: Any) -> None:
        times = {
            "status": "completed",
            "run_at": after(second - 12),
            "processing_started_at": after(second - 10),
            "completed_at": after(second),
            "expires_at": after(second) + retention,
        }
        await jobs.insert(make_job(name, **{**times, **fields}))

    await stored("job-1", 0)
    await stored("job-2", 14.9)
    await stored("job-3", 15)
    await stored("job-4", 29, owner="key-2", status="failed", processing_started_at=None)
    await stored("job-5", 30)
    await stored("job-6", 5, deleted_at=NOW)
    await stored("job-7", -1)
    found = await jobs.ended(NOW, after(30), 15, retention)
    assert sorted(found, key=lambda one: (one.slot, one.owner)) == [
        EndedCount(0, "key-1", "pdf", "completed", bucket_of(2000), bucket_of(10_000), 2),
        EndedCount(1, "key-1", "pdf", "completed", bucket_of(2000), bucket_of(10_000), 1),
        EndedCount(1, "key-2", "pdf", "failed", None, None, 1),
    ]
