"""How a worker finds the next job, over every store."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pymongo import MongoClient
from support.engine_parts import make_candidates
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, TYPES, after, claimed, end, lease, make_job

from secretary_common.models import Candidate, Outcome
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import JobRepository
from secretary_worker.engine.line.candidates import OLDEST_SEC, Candidates

BATCH_SIZE = 20
FLOOD = 50


class Seconds:
    """A monotonic clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def candidates_of(jobs: JobRepository, seconds: Seconds | None = None) -> Candidates:
    monotonic = seconds or Seconds()
    return make_candidates(jobs, batch_size=BATCH_SIZE, monotonic=monotonic, share=lambda: 0.5)


async def insert(jobs: JobRepository, *many: dict[str, Any]) -> None:
    await asyncio.gather(*(jobs.insert(make_job(**fields)) for fields in many))


def flood(count: int = FLOOD, name: str = "flood", **fields: Any) -> list[dict[str, Any]]:
    """Return old jobs of one key, the oldest first; every ten share one ``run_at``."""
    return [
        {"job_id": f"{name}-{n:04d}", "owner": "flood", "run_at": after(n // 10 - 999), **fields}
        for n in range(count)
    ]


async def oldest(jobs: JobRepository, *owners: str, limit: int = 9, **fields: Any) -> list[str]:
    given = {"job_types": TYPES, "priority": 5, "now": NOW, **fields}
    found = await jobs.oldest_waiting(owners=owners, limit=limit, **given)
    return [candidate.job_id for candidate in found]


async def taken(
    line: Candidates, count: int, types: set[str] = TYPES, now: datetime = NOW
) -> list[str]:
    found: list[str] = []
    while len(found) < count and await line.refresh(types, now):
        found += [candidate.job_id for candidate in line.take(count - len(found))]
    return found


async def worked(jobs: JobRepository, line: Candidates, types: set[str] = TYPES) -> list[str]:
    """Return the jobs that a worker with three slots claims until no job waits."""
    found: list[str] = []
    while await line.refresh(types, NOW):
        wanted = [candidate.job_id for candidate in line.take(3)]
        claimed = await jobs.claim_many(wanted, lease(), NOW, types)
        assert [job.job_id for job in claimed] == wanted
        found += wanted
    return found


@pytest.mark.parametrize(
    ("fields", "types"),
    [
        ({"run_at": after(1)}, TYPES),
        ({"cancel_requested": True}, TYPES),
        ({"status": "completed"}, TYPES),
        ({"deleted_at": NOW}, TYPES),
        ({}, {"other"}),
        ({}, set()),
    ],
)
async def test_a_job_that_may_not_start_is_no_candidate(
    jobs: JobRepository, fields: dict[str, Any], types: set[str]
) -> None:
    await insert(jobs, fields)
    assert await jobs.waiting_priorities(types, NOW) == []
    assert await jobs.waiting_owners(types, 5, NOW) == []
    assert await oldest(jobs, "key-1", job_types=types) == []


async def test_the_highest_priority_comes_first(jobs: JobRepository) -> None:
    wanted = [("a", 5, -1), ("b", 5, -3), ("c", 9, -1), ("d", 0, -9), ("later", 7, 1)]
    await insert(
        jobs,
        *({"job_id": name, "priority": p, "run_at": after(at)} for name, p, at in wanted),
        {"job_id": "other", "priority": 8, "job_type": "other"},
    )
    assert await jobs.waiting_priorities(TYPES, NOW) == [9, 5, 0]
    assert await worked(jobs, candidates_of(jobs)) == ["c", "b", "a", "d"]


async def test_the_keys_with_waiting_jobs_of_a_priority_are_returned(jobs: JobRepository) -> None:
    wanted = [("a", "key-2", 5), ("b", "key-1", 5), ("c", "key-2", 5), ("d", "key-3", 6)]
    await insert(jobs, *({"job_id": j, "owner": o, "priority": p} for j, o, p in wanted))
    assert await jobs.waiting_owners(TYPES, 5, NOW) == ["key-1", "key-2"]


async def test_the_oldest_jobs_are_returned_key_by_key(jobs: JobRepository) -> None:
    ages = [("a", "key-1", 1), ("b", "key-1", 3), ("c", "key-1", 2), ("d", "key-2", 9)]
    await insert(jobs, *({"job_id": j, "owner": o, "run_at": after(-s)} for j, o, s in ages))
    assert await oldest(jobs, "key-2", "key-1", limit=2) == ["d", "b", "c"]
    assert await oldest(jobs, "key-1", "key-3") == ["b", "c", "a"]
    assert await oldest(jobs) == []


async def test_a_candidate_has_all_fields_that_choosing_needs(jobs: JobRepository) -> None:
    await insert(jobs, {})
    wanted = [Candidate("job-1", "pdf", 5, "key-1", NOW)]
    assert await jobs.oldest_waiting(TYPES, 5, ["key-1"], NOW, 1) == wanted


async def test_jobs_of_all_types_of_a_worker_are_sorted_by_age_together(
    jobs: JobRepository,
) -> None:
    ages = [("a", "pdf", 1), ("b", "session", 2), ("c", "pdf", 3), ("d", "session", 4)]
    await insert(
        jobs,
        *({"job_id": j, "job_type": t, "run_at": after(-s)} for j, t, s in ages),
        {"job_id": "other", "job_type": "other", "run_at": after(-9)},
        {"job_id": "high", "job_type": "session", "priority": 6, "owner": "key-2"},
    )
    types = {"pdf", "session"}
    assert await worked(jobs, candidates_of(jobs), types) == ["high", "d", "c", "b", "a"]


async def test_many_jobs_of_one_key_do_not_delay_other_keys(jobs: JobRepository) -> None:
    await insert(jobs, *flood(), {"job_id": "single", "owner": "small", "run_at": NOW})
    assert "single" in await taken(candidates_of(jobs), 2)


async def test_a_worker_that_takes_one_job_of_each_batch_serves_every_key(
    jobs: JobRepository,
) -> None:
    await insert(jobs, *flood(9), {"job_id": "single", "owner": "small", "run_at": NOW})
    seconds = Seconds()
    line, found = candidates_of(jobs, seconds), []
    for _ in range(3):
        seconds.now += OLDEST_SEC + 0.1
        (job_id,) = await taken(line, 1)
        assert await jobs.claim(job_id, lease(), NOW, TYPES)
        found.append(job_id)
    assert found == ["flood-0000", "single", "flood-0001"]


async def test_within_a_key_the_oldest_job_comes_first_and_no_job_is_skipped(
    jobs: JobRepository,
) -> None:
    await insert(jobs, *flood())
    assert await worked(jobs, candidates_of(jobs)) == [fields["job_id"] for fields in flood()]


async def test_a_higher_priority_is_claimed_next_once_the_batch_is_a_second_old(
    jobs: JobRepository,
) -> None:
    await insert(jobs, *flood())
    seconds = Seconds()
    line = candidates_of(jobs, seconds)
    await taken(line, 1)
    await insert(jobs, {"job_id": "high", "priority": 6, "owner": "flood"})
    seconds.now += OLDEST_SEC + 0.1
    assert await taken(line, 1) == ["high"]


async def test_a_job_older_than_the_claimed_ones_is_in_the_next_batch(
    jobs: JobRepository,
) -> None:
    """Such a job was handed back, or its type was paused; no job is skipped for ever."""
    await claimed(jobs, owner="flood", run_at=after(-2000))
    paused = {"job_id": "paused", "job_type": "session", "run_at": after(-1999)}
    await insert(jobs, *flood(), paused)
    job = await jobs.get("job-1")
    assert job
    seconds = Seconds()
    line = candidates_of(jobs, seconds)
    for job_id in await taken(line, 5):
        await jobs.claim(job_id, lease(), NOW, TYPES)
    await jobs.settle(job, "t1", end(Outcome.HANDED_BACK, run_at=after(-2000)))
    seconds.now += OLDEST_SEC + 0.1
    assert await taken(line, 1) == ["job-1"]
    assert await jobs.claim("job-1", lease(), NOW, TYPES)
    assert await taken(line, 1, TYPES | {"session"}) == ["paused"]


async def test_workers_that_race_for_one_job_go_on_with_different_ones(jobs: JobRepository) -> None:
    await insert(jobs, *flood())
    winner, loser = candidates_of(jobs), candidates_of(jobs)
    won, lost = await taken(winner, 1), await taken(loser, 1)
    assert won == lost
    assert await jobs.claim(won[0], lease(), NOW, TYPES)
    assert await jobs.claim(lost[0], lease("t2"), NOW, TYPES) is None
    loser.end_race(lost=True)
    following = await taken(loser, 9)
    assert len(following) == 9
    assert not {*following} & {*await taken(winner, 9)}


async def test_the_next_due_job_is_the_earliest_in_the_future(jobs: JobRepository) -> None:
    for job_id, seconds in [("a", -1), ("b", 20), ("c", 10)]:
        await jobs.insert(make_job(job_id, run_at=after(seconds)))
    await jobs.insert(make_job("d", run_at=after(5), job_type="other"))
    wanted = Candidate("c", "pdf", 5, "key-1", after(10))
    assert await jobs.next_due(TYPES, NOW) == wanted
    assert await jobs.next_due(TYPES, after(20)) is None


async def test_candidates_are_the_jobs_due_the_longest(jobs: JobRepository) -> None:
    await insert(jobs, *flood(9), {"job_id": "later", "run_at": after(1)})
    await insert(jobs, {"job_id": "first", "priority": 0, "run_at": after(-9999)})
    first, second = await jobs.candidates(TYPES, NOW, 2)
    assert (first.job_id, second.job_id[:-1]) == ("first", "flood-000")
    assert len(await jobs.candidates(TYPES, NOW, 99)) == 10
    assert await jobs.candidates({"other"}, NOW, 2) == []


async def test_few_waiting_jobs_are_read_by_priority_owner_and_age(jobs: JobRepository) -> None:
    await insert(
        jobs,
        {"job_id": "job-1", "owner": "b", "run_at": after(-1)},
        {"job_id": "job-2", "owner": "b", "run_at": after(-2)},
        {"job_id": "job-3", "owner": "a", "priority": 3},
        {"job_id": "job-4", "owner": "a"},
        {"job_id": "job-5", "owner": "c", "priority": 9, "run_at": after(9)},
        {"job_id": "job-6", "owner": "c", "priority": 9, "job_type": "other"},
    )
    found = await jobs.few_waiting(TYPES, NOW, 5)
    assert found is not None
    assert [one.job_id for one in found] == ["job-4", "job-2", "job-1", "job-3"]
    assert await jobs.few_waiting(TYPES, NOW, 4) is None
    assert await jobs.few_waiting({"unknown"}, NOW, 4) == []


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_finding_candidates_reads_a_few_index_keys_and_no_job(
    mongo_url: str, database_name: str, driver: str
) -> None:
    client = DatabaseClient(mongo_url, database_name, driver)
    await ensure_indexes(client)
    jobs = MongoJobRepository(client.collection("jobs"))
    await insert(
        jobs,
        *flood(500),
        *flood(300, "paused", job_type="paused"),
        *flood(300, "scheduled", run_at=after(60)),
        {"job_id": "single", "owner": "small"},
    )
    types = {"pdf", "session", "transformer"}
    with profiled(mongo_url, database_name) as seen:
        assert await jobs.waiting_priorities(types, NOW) == [5]
        assert await jobs.waiting_owners(types, 5, NOW) == ["flood", "small"]
        assert len(await jobs.oldest_waiting(types, 5, ["flood", "small"], NOW, 20)) == 21
        assert await jobs.next_due(types, NOW)
    await client.close()
    plans = sorted(one["planSummary"].split()[0] for one in seen)
    assert plans == ["DISTINCT_SCAN", "DISTINCT_SCAN", "IXSCAN", "IXSCAN", "IXSCAN"]
    # Each scan reads one key more than it returns, and an empty type costs one key.
    assert sum(one["keysExamined"] for one in seen) <= 1 + 2 + 21 + 1 + len(seen) * len(types)
    assert sum(one["docsExamined"] for one in seen) == 1  # the job that is due next
    assert not any(one.get("hasSortStage") for one in seen)


@contextlib.contextmanager
def profiled(mongo_url: str, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield a list; at the end it holds MongoDB's profile of each read of jobs in the block."""
    seen: list[dict[str, Any]] = []
    with MongoClient[dict[str, Any]](mongo_url) as client:
        database = client[name]
        database.command("profile", 2)
        yield seen
        database.command("profile", 0)
        reads = [{f"command.{read}": "jobs"} for read in ("distinct", "find")]
        seen += database["system.profile"].find({"$or": reads})
