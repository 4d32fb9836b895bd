"""Jobs that this version cannot read are set aside; jobs of a newer version are left alone.

The rule concerns documents, so the suite runs over MongoDB under both drivers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import HOOK, NOW, TYPES, after, end, lease, make_job

from secretary_common.models import Job, JobQuery, Outcome
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.jobs.document import to_document
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.mongo.removal import MongoRemovalRepository
from secretary_common.runtime.clock import ManualClock

RETENTION = timedelta(days=7)
STARTED = {"seq": 1, "run": 1, "phase": "started", "due_at": NOW}


@dataclass(frozen=True)
class Raw:
    """The jobs as documents, and the repositories over them."""

    collection: Collection
    jobs: MongoJobRepository
    removal: MongoRemovalRepository

    async def insert(self, job_id: str, **fields: Any) -> None:
        """Insert a job with some *fields* as they would never be written."""
        await self.collection.insert_one({**to_document(make_job(job_id)), **fields})

    async def stored(self, job_id: str) -> Document:
        found = await self.collection.find_one({"_id": job_id})
        assert found is not None
        return found


@pytest.fixture(params=["motor", "pymongo"])
async def raw(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[Raw]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    await ensure_indexes(client)
    collection, clock = client.collection("jobs"), ManualClock(after(60))
    jobs = MongoJobRepository(collection, clock, RETENTION)
    yield Raw(collection, jobs, MongoRemovalRepository(client, clock, RETENTION))
    await client.close()


async def shown(raw: Raw, job_id: str) -> Job:
    job = await raw.jobs.get(job_id)
    assert job is not None
    return job


async def test_a_claim_sets_an_unreadable_job_aside(raw: Raw) -> None:
    await raw.insert("odd", attempt="1", webhook=HOOK.model_dump(), seq=4)
    assert await raw.jobs.claim("odd", lease(), NOW, TYPES) is None
    stored = await raw.stored("odd")
    assert (stored["status"], stored["error"]["code"]) == ("failed", "UNREADABLE")
    assert "attempt" in stored["error"]["message"]
    assert stored["unreadable"]["fields"] == {"attempt": "1"}
    assert stored["expires_at"] == after(60) + RETENTION
    assert (stored["notify"]["phase"], stored["notify"]["seq"]) == ("failed", 5)


async def test_a_job_that_was_set_aside_is_listed_reported_deleted_and_swept(raw: Raw) -> None:
    await raw.insert("odd", owner=7, webhook=HOOK.model_dump())
    await raw.insert("good")
    assert await raw.removal.set_aside_hidden(10) == 1
    assert [job.job_id for job in await raw.jobs.find(JobQuery())] == ["odd", "good"]
    assert [job.job_id for job in await raw.jobs.due_slots(after(60), 9)] == ["odd"]
    await raw.jobs.clear_slots([("odd", 1)], after(60))
    job = await shown(raw, "odd")
    assert job.unreadable is not None
    assert job.unreadable.fields == {"owner": 7}
    assert await raw.jobs.delete(job, after(60)) is not None
    expired = await raw.removal.expired_jobs(after(90), 9)
    assert [one.id for one in expired] == ["odd"]
    assert await raw.removal.mark_expired_as_deleted("odd", after(90), after(90))
    assert await raw.removal.remove_job("odd")


async def test_candidates_of_mixed_types_are_sorted(raw: Raw) -> None:
    await raw.insert("good")
    odd: list[dict[str, Any]] = [
        {"owner": 7},
        {"owner": None},
        {"priority": "9"},
        {"priority": 99},
        {"run_at": "now"},
    ]
    for number, fields in enumerate(odd):
        await raw.insert(f"odd-{number}", **fields)
    assert await raw.jobs.waiting_priorities(TYPES, NOW) == [5]
    assert await raw.jobs.waiting_owners(TYPES, 5, NOW) == ["key-1"]
    assert await raw.removal.set_aside_hidden(10) == 5
    assert await raw.removal.set_aside_hidden(10) == 0


@pytest.mark.parametrize("moment", ["lease", "later"])
async def test_a_held_job_is_set_aside_once_its_lease_has_ended(raw: Raw, moment: str) -> None:
    expires_at = after(90) if moment == "lease" else after(30)
    held = lease().model_copy(update={"expires_at": expires_at}).model_dump()
    await raw.insert("odd", status="processing", attempt="1", lease=held)
    job = await shown(raw, "odd")  # at second 60
    assert job.status == ("processing" if moment == "lease" else "failed")
    await raw.jobs.ended_leases(TYPES, after(60), 9, lost_leases=9)
    stored = await raw.stored("odd")
    assert ("unreadable" in stored) is (moment == "later")
    assert ("lease" in stored) is (moment == "lease")


async def test_an_ended_job_keeps_its_state_and_loses_the_unreadable_field(raw: Raw) -> None:
    await raw.insert("odd", status="completed", results=[1, 2], tags="x")
    job = await shown(raw, "odd")
    assert (job.status, job.results, job.tags) == ("completed", None, [])
    assert job.error is not None
    assert job.error.code == "UNREADABLE"
    assert (await raw.stored("odd"))["unreadable"]["fields"] == {"results": [1, 2], "tags": "x"}


async def test_an_unknown_field_stays_through_a_whole_life(raw: Raw) -> None:
    hook = {**HOOK.model_dump(exclude_none=True), "retry": "quick"}
    await raw.insert("job-1", colour="blue", webhook=hook)
    job = await raw.jobs.claim("job-1", lease(), NOW, TYPES)
    assert job is not None
    await raw.jobs.settle(job, "t1", end(Outcome.COMPLETED))
    await raw.jobs.clear_slots([("job-1", 2)], after(6))
    assert await raw.jobs.retry(await shown(raw, "job-1"), after(9)) is not None
    stored = await raw.stored("job-1")
    assert (stored["colour"], stored["webhook"]) == ("blue", hook)


async def test_a_job_in_a_state_of_a_newer_version_is_only_shown(raw: Raw) -> None:
    await raw.insert("parked", status="parked")
    before = await raw.stored("parked")
    job = await shown(raw, "parked")
    assert (job.status, job.has_ended) == ("parked", False)
    assert [one.status for one in await raw.jobs.find(JobQuery())] == ["parked"]
    assert await raw.jobs.claim("parked", lease(), NOW, TYPES) is None
    assert await raw.removal.set_aside_hidden(10) == 0
    assert await raw.removal.expired_jobs(after(999), 9) == []
    assert await raw.stored("parked") == before


async def test_a_job_with_an_event_of_a_newer_version_is_left_to_it(raw: Raw) -> None:
    expired = {"owner": "w", "token": "t", "expires_at": NOW}
    await raw.insert("waits", notify=STARTED)
    await raw.insert("runs", notify=STARTED, status="processing", lease=expired)
    await raw.insert("ended", notify=STARTED, status="completed", expires_at=NOW)
    names = ("waits", "runs", "ended")
    before = [await raw.stored(name) for name in names]
    assert len(await raw.jobs.candidates(TYPES, NOW, 9)) == 1
    assert await raw.jobs.claim("waits", lease(), NOW, TYPES) is None
    # The worker does not find it again at once.
    assert await raw.jobs.candidates(TYPES, NOW, 9) == []
    assert await raw.jobs.ended_leases(TYPES, after(60), 9, lost_leases=9) == []
    assert await raw.jobs.due_slots(after(60), 9) == []
    [swept] = await raw.removal.expired_jobs(after(60), 9)
    assert swept.has_event
    assert not await raw.removal.mark_expired_as_deleted("ended", after(60), after(60))
    assert [await raw.stored(name) for name in names] == before


async def test_a_batch_with_a_newer_state_has_not_ended(raw: Raw) -> None:
    await raw.insert("one", batch_id="b", status="completed")
    await raw.insert("two", batch_id="b", status="parked")
    await raw.insert("three", batch_id="b", status=7)
    counts = await raw.jobs.batch_counts("b")
    assert (counts.completed, counts.processing) == (1, 1)


async def test_one_unreadable_job_does_not_fail_the_renewal_of_others(raw: Raw) -> None:
    for name in ("a", "b"):
        await raw.insert(name)
        assert await raw.jobs.claim(name, lease(f"t-{name}"), NOW, TYPES) is not None
    change = {"$set": {"lease": [{"owner": "worker-1", "token": "x"}]}}
    await raw.collection.update_one({"_id": "a"}, change)
    renewed = await raw.jobs.renew("worker-1", ["a", "b"], after(90))
    assert set(renewed) == {"b"}
