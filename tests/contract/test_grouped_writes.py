"""Callers that share a write: each gets the outcome of its own part."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from support.job_samples import NOW, TYPES, after, current, end, lease, make_job, progress

from secretary_common.errors import KeyInUse, NotStorable, StaleClaim
from secretary_common.models import Idempotency, Job, JobStatus, Outcome
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import JobRepository

MANY = 150  # more than one group


async def claimed(jobs: JobRepository, job_id: str) -> Job:
    await jobs.insert(make_job(job_id))
    job = await jobs.claim(job_id, lease(f"t-{job_id}"), NOW, TYPES)
    assert job is not None
    return job


async def test_many_concurrent_inserts_are_all_stored(jobs: JobRepository) -> None:
    await asyncio.gather(*(jobs.insert(make_job(f"job-{n}")) for n in range(MANY)))
    found = await asyncio.gather(*(jobs.get(f"job-{n}") for n in range(MANY)))
    assert all(found)


async def test_a_refused_job_does_not_fail_the_others(jobs: JobRepository) -> None:
    mark = Idempotency(key="k", body_hmac="", at=NOW)
    await jobs.insert(make_job("job-first", idempotency=mark))
    wanted = [make_job(f"job-{n}") for n in range(20)]
    wanted[7] = wanted[7].model_copy(update={"idempotency": mark})
    made = await asyncio.gather(*map(jobs.insert, wanted), return_exceptions=True)
    assert [n for n, one in enumerate(made) if isinstance(one, KeyInUse)] == [7]
    assert sum(one is None for one in made) == 19
    assert await jobs.get("job-7") is None


async def test_concurrent_settlements_each_have_their_own_outcome(jobs: JobRepository) -> None:
    held = await asyncio.gather(*(claimed(jobs, f"job-{n}") for n in range(40)))
    await jobs.request_cancel(held[3], NOW)
    await jobs.settle(held[5], "t-job-5", end(Outcome.RETRY, run_at=after(5)))
    await jobs.claim("job-5", lease("other"), after(5), TYPES)

    def ending(n: int) -> Any:
        token = "wrong" if n == 9 else f"t-job-{n}"
        outcome = Outcome.HANDED_BACK if n == 3 else Outcome.COMPLETED
        done = end(outcome, results={"n": n}, run_at=after(6), at=after(7))
        return jobs.settle(held[n], token, done)

    made = await asyncio.gather(*map(ending, range(40)), return_exceptions=True)
    stale = [n for n, one in enumerate(made) if isinstance(one, StaleClaim)]
    # job-5's attempt was settled before: the repeated write succeeds and changes nothing.
    assert stale == [9]
    assert [getattr(made[n], "outcome", None) for n in (3, 4)] == [
        Outcome.CANCELLED,
        Outcome.COMPLETED,
    ]
    jobs_now = [await current(jobs, f"job-{n}") for n in range(40)]
    assert [job.results for job in jobs_now if job.status is JobStatus.COMPLETED] == [
        {"n": n} for n in range(40) if n not in (3, 5, 9)
    ]
    assert (jobs_now[3].status, jobs_now[9].status) == (JobStatus.CANCELLED, JobStatus.PROCESSING)
    assert jobs_now[5].lease == lease("other")


@pytest.mark.parametrize("asks", [True, False])
async def test_progress_of_a_lost_attempt_is_refused_alone(
    jobs: JobRepository, *, asks: bool
) -> None:
    await claimed(jobs, "job-1")
    await claimed(jobs, "job-2")
    changes = [
        replace(progress(2, token=token), asks_notified_at=asks) for token in ("t-job-1", "lost")
    ]
    made = await asyncio.gather(*map(jobs.record_progress, changes), return_exceptions=True)
    assert made[0] is None
    assert isinstance(made[1], StaleClaim)
    assert (await current(jobs, "job-1")).seq == 2


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_document_that_cannot_be_stored_does_not_fail_the_others(
    mongo_url: str, database_name: str, driver: str
) -> None:
    client = DatabaseClient(mongo_url, database_name, driver)
    jobs = MongoJobRepository(client.collection("jobs"))
    bad = {"not BSON": make_job(parameters={"n": 2**64}), "over 16 MB": _too_large()}
    wanted = [make_job("job-a"), *bad.values(), make_job("job-b")]
    made = await asyncio.gather(*map(jobs.insert, wanted), return_exceptions=True)
    assert [type(one) for one in made] == [type(None), NotStorable, NotStorable, type(None)]
    assert await jobs.get("job-a")
    assert await jobs.get("job-b")
    await client.close()


def _too_large() -> Job:
    return make_job("job-large", parameters={"text": "x" * 17_000_000})
