"""Claims of several jobs in one write: each job is claimed or left, and fenced by itself."""

import asyncio
from typing import Any

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import HOOK, NOW, TYPES, after, current, end, lease, make_job

from secretary_common.errors import StaleClaim
from secretary_common.models import Job, JobStatus, Outcome
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.document import to_document
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import JobRepository

IDS = [f"job-{n}" for n in range(1, 6)]


async def stored(jobs: JobRepository) -> None:
    for job_id in IDS:
        await jobs.insert(make_job(job_id))


def ids(claimed: list[Job]) -> list[str]:
    return [job.job_id for job in claimed]


async def test_the_jobs_are_claimed_under_one_lease_in_the_order_of_the_ids(
    jobs: JobRepository,
) -> None:
    await stored(jobs)
    wanted = [IDS[3], IDS[0], IDS[4]]
    claimed = await jobs.claim_many(wanted, lease(), NOW, TYPES)
    assert ids(claimed) == wanted
    for job in claimed:
        assert (job.status, job.attempt, job.seq) == (JobStatus.PROCESSING, 1, 1)
        assert (job.lease, job.processing_started_at) == (lease(), NOW)
        assert await current(jobs, job.job_id) == job
    assert (await current(jobs, IDS[1])).status is JobStatus.PENDING


async def test_a_batch_leaves_the_jobs_that_may_not_start(jobs: JobRepository) -> None:
    fields: dict[str, dict[str, Any]] = {
        "job-later": {"run_at": after(1)},
        "job-cancelled": {"cancel_requested": True},
        "job-ended": {"status": "completed"},
        "job-deleted": {"deleted_at": NOW},
        "job-other": {"job_type": "other"},
        "job-good": {},
    }
    for job_id, given in fields.items():
        await jobs.insert(make_job(job_id, **given))
    claimed = await jobs.claim_many([*fields, "job-unknown"], lease(), NOW, TYPES)
    assert ids(claimed) == ["job-good"]
    assert await jobs.claim_many([*fields], lease("t2"), NOW, TYPES) == []


@pytest.mark.parametrize("wanted", [[], ["job-1"]])
async def test_a_batch_may_have_no_job_or_one(jobs: JobRepository, wanted: list[str]) -> None:
    await stored(jobs)
    assert ids(await jobs.claim_many(wanted, lease(), NOW, TYPES)) == wanted


async def test_of_many_batches_exactly_one_wins_each_job(jobs: JobRepository) -> None:
    await stored(jobs)
    batches = [IDS[n:] + IDS[:n] for n in range(5)]
    won = await asyncio.gather(
        *(jobs.claim_many(one, lease(f"t{n}"), NOW, TYPES) for n, one in enumerate(batches))
    )
    assert sorted(job_id for claimed in won for job_id in ids(claimed)) == IDS
    for n, claimed in enumerate(won):
        for job in claimed:
            assert await jobs.held(job.job_id, f"t{n}") == job
            assert job.attempt == 1


async def test_each_job_of_a_batch_is_fenced_by_itself(jobs: JobRepository) -> None:
    await stored(jobs)
    first, second, third, *_ = await jobs.claim_many(IDS, lease(), NOW, TYPES)
    await jobs.settle(first, "t1", end(Outcome.COMPLETED))
    again = await jobs.reclaim(second, lease("t2", "worker-2", 90), after(30))
    assert again is not None
    with pytest.raises(StaleClaim):
        await jobs.settle(second, "t1", end(Outcome.COMPLETED))
    await jobs.settle(third, "t1", end(Outcome.HANDED_BACK, run_at=after(5)))
    states = [(await current(jobs, job_id)).status.value for job_id in IDS]
    assert states == ["completed", "processing", "pending", "processing", "processing"]
    assert await current(jobs, IDS[1]) == again


async def test_after_a_lost_answer_each_job_of_the_batch_is_found_by_the_token(
    jobs: JobRepository,
) -> None:
    await stored(jobs)
    await jobs.claim_many([IDS[1]], lease("other"), NOW, TYPES)
    claimed = await jobs.claim_many(IDS, lease(), NOW, TYPES)
    found = [await jobs.held(job_id, "t1") for job_id in IDS]
    assert [job for job in found if job] == claimed
    assert found[1] is None


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_an_unreadable_job_does_not_stop_the_claims_of_its_batch(
    driver: str, mongo_url: str, database_name: str
) -> None:
    client = DatabaseClient(mongo_url, database_name, driver)
    await ensure_indexes(client)
    collection = client.collection("jobs")
    jobs = MongoJobRepository(collection)
    await stored(jobs)
    odd: dict[str, dict[str, Any]] = {
        "odd-attempt": {"attempt": "1", "webhook": HOOK.model_dump()},
        "odd-tags": {"tags": 5},
        "newer": {"notify": {"seq": 1, "run": 1, "phase": "started", "due_at": NOW}},
    }
    for job_id, fields in odd.items():
        await collection.insert_one({**to_document(make_job(job_id)), **fields})
    wanted = [IDS[0], "odd-attempt", IDS[1], "newer", "odd-tags", IDS[2]]
    assert ids(await jobs.claim_many(wanted, lease(), NOW, TYPES)) == IDS[:3]
    documents = {one["_id"]: one for one in await collection.find({})}
    assert documents["odd-attempt"]["error"]["code"] == "UNREADABLE"
    assert documents["odd-tags"]["error"]["code"] == "UNREADABLE"
    assert documents["newer"]["status"] == "pending"
    waiting = await jobs.candidates(TYPES, NOW, 10)
    assert [one.job_id for one in waiting] == IDS[3:]
    await client.close()
