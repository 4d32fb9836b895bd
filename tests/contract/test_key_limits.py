"""The limits of API keys, over every store: claims within a limit, and the figures used."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.engine_parts import make_candidates
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, TYPES, after, current, end, lease, make_job

from secretary_common.models import ApiKey, Job, JobStatus, KeyLimits, Outcome
from secretary_common.mongo.api_keys import MongoKeyRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.ports import JobRepository, KeyRepository
from secretary_common.testing.api_keys import InMemoryKeyRepository

IDS = [f"job-{n}" for n in range(6)]


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[KeyRepository]:
    if request.param == "memory":
        yield InMemoryKeyRepository()
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield MongoKeyRepository(client.collection("api_keys"))
    await client.close()


async def stored(jobs: JobRepository, **fields: Any) -> None:
    for job_id in IDS:
        await jobs.insert(make_job(job_id, **fields))


async def claim(
    jobs: JobRepository, *job_ids: str, most: int = 2, token: str = "t1", owner: str = "key-1"
) -> list[Job]:
    wanted = job_ids or tuple(IDS)
    return await jobs.claim_within(wanted, lease(token), NOW, TYPES, owner=owner, most=most)


async def running(jobs: JobRepository) -> list[str]:
    found = [await current(jobs, job_id) for job_id in IDS]
    return [job.job_id for job in found if job.status is JobStatus.PROCESSING]


async def test_a_key_runs_at_most_as_many_jobs_as_it_may(jobs: JobRepository) -> None:
    await stored(jobs)
    claimed = await claim(jobs)
    assert [job.job_id for job in claimed] == IDS[:2]
    assert {job.lease for job in claimed} == {lease()}
    assert await claim(jobs, *IDS[2:], token="t2") == []
    assert await running(jobs) == IDS[:2]


async def test_a_job_that_ends_makes_room_for_one(jobs: JobRepository) -> None:
    await stored(jobs)
    first, _ = await claim(jobs)
    await jobs.settle(first, "t1", end(Outcome.COMPLETED))
    claimed = await claim(jobs, *IDS[2:], token="t2")
    assert [job.job_id for job in claimed] == [IDS[2]]


async def test_the_running_jobs_of_other_keys_do_not_count(jobs: JobRepository) -> None:
    await stored(jobs)
    await jobs.insert(make_job("other", owner="key-2"))
    assert await jobs.claim("other", lease("t0"), NOW, TYPES)
    assert len(await claim(jobs, most=1)) == 1


async def test_a_claim_within_a_limit_leaves_jobs_that_may_not_start(jobs: JobRepository) -> None:
    fields: dict[str, dict[str, Any]] = {
        "job-later": {"run_at": after(1)},
        "job-cancelled": {"cancel_requested": True},
        "job-ended": {"status": "completed"},
        "job-deleted": {"deleted_at": NOW},
        "job-foreign": {"owner": "key-2"},
        "job-good": {},
    }
    for job_id, given in fields.items():
        await jobs.insert(make_job(job_id, **given))
    claimed = await claim(jobs, *fields, most=9)
    assert [job.job_id for job in claimed] == ["job-good"]


async def test_workers_that_claim_at_the_same_time_keep_the_limit_together(
    jobs: JobRepository,
) -> None:
    await stored(jobs)
    claims = (claim(jobs, *IDS[n:], *IDS[:n], token=f"t{n}") for n in range(6))
    claimed = [job.job_id for won in await asyncio.gather(*claims) for job in won]
    assert len(claimed) == 2
    assert await running(jobs) == sorted(claimed)


async def test_jobs_are_counted_by_key(jobs: JobRepository) -> None:
    await stored(jobs)
    await jobs.insert(make_job("later", owner="key-2", run_at=after(60), priority=9))
    await jobs.insert(make_job("other", owner="key-2", job_type="other"))
    await claim(jobs)
    assert await jobs.running_by_owner() == {"key-1": 2}
    assert await jobs.running_by_owner(["key-2"]) == {}
    assert await jobs.pending_by_owner() == {"key-1": 4, "key-2": 2}
    assert await jobs.pending_of("key-2", {"pdf", "other"}, 9) == 2
    assert await jobs.pending_of("key-2", {"pdf"}, 9) == 1
    assert await jobs.pending_of("key-1", TYPES, 3) == 3


async def test_the_jobs_of_a_key_at_its_limit_do_not_hide_jobs_of_a_lower_priority(
    jobs: JobRepository,
) -> None:
    await stored(jobs, priority=9)
    await jobs.insert(make_job("small", owner="key-2", priority=0))
    await claim(jobs)
    keys = InMemoryKeyRepository()
    await keys.insert(ApiKey("key-1", "", "", limits=KeyLimits(max_running=2)))
    line = make_candidates(jobs, keys=keys, monotonic=lambda: 0.0)
    assert await line.refresh(TYPES, NOW)
    assert [job.job_id for job in line.take(9)] == ["small"]


async def test_a_batch_holds_only_as_many_jobs_of_a_key_as_it_may_start(
    jobs: JobRepository,
) -> None:
    await stored(jobs)
    keys = InMemoryKeyRepository()
    await keys.insert(ApiKey("key-1", "", "", limits=KeyLimits(max_running=4)))
    line = make_candidates(jobs, keys=keys, monotonic=lambda: 0.0)
    assert await line.refresh(TYPES, NOW)
    assert [job.job_id for job in line.take(9)] == IDS[:4]


async def test_the_limits_of_a_key_are_stored_and_replaced(keys: KeyRepository) -> None:
    limits = KeyLimits(max_running=3, requests_per_sec=0.5, models=["small"], file_roots=["/a"])
    await keys.insert(ApiKey("a", "digest", "one", limits=limits, pepper_mark="mark"))
    await keys.insert(ApiKey("b", "digest", "two"))
    assert [key.limits for key in await keys.all()] == [limits, KeyLimits()]
    assert [key.pepper_mark for key in await keys.all()] == ["mark", None]
    assert await keys.running_limits() == {"a": 3}
    changed = await keys.change_limits("b", {"max_running": 1})
    assert changed
    assert changed.limits == KeyLimits(max_running=1)
    removed = dict.fromkeys(("max_running", "requests_per_sec", "models", "file_roots"))
    await keys.change_limits("a", {**removed, "max_pending": 9})
    found = await keys.get("a")
    assert found
    assert (found.limits, found.name) == (KeyLimits(max_pending=9), "one")
    assert await keys.running_limits() == {"b": 1}
    assert await keys.change_limits("a", {}) == found
    assert await keys.change_limits("c", {"max_running": 1}) is None


async def test_changes_of_several_limits_at_the_same_time_are_all_kept(
    keys: KeyRepository,
) -> None:
    await keys.insert(ApiKey("a", "digest", "one"))
    changes = {"max_running": 1, "max_pending": 2, "max_bytes": 3, "models": [], "max_priority": 0}
    await asyncio.gather(
        *(keys.change_limits("a", {name: value}) for name, value in changes.items())
    )
    found = await keys.get("a")
    assert found
    assert found.limits == KeyLimits.model_validate(changes)
