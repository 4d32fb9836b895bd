"""The feed of changed jobs: every visible change, from any place of the last hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, TYPES, current, end, lease, make_job, progress

from secretary_common.errors import FeedLost
from secretary_common.models import Outcome
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.feed import MongoJobFeed
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import ChangedJobs, FeedPlace, JobFeed, JobRepository
from secretary_common.runtime.clock import ServerClock
from secretary_common.testing.jobs import InMemoryJobFeed, InMemoryJobRepository


@dataclass(frozen=True)
class Fed:
    """Jobs and the feed of their changes."""

    jobs: JobRepository
    feed: JobFeed
    start: FeedPlace


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def fed(request: pytest.FixtureRequest) -> AsyncIterator[Fed]:
    """Yield jobs with a feed of one store."""
    now = datetime.now(UTC)
    if request.param == "memory":
        jobs = InMemoryJobRepository()
        feed = InMemoryJobFeed(jobs)
        yield Fed(jobs, feed, feed.place_at(now))
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    mongo = MongoJobFeed(client.collection("jobs"), ServerClock())
    yield Fed(MongoJobRepository(client.collection("jobs")), mongo, mongo.place_at(now))
    await client.close()


async def changed(feed: JobFeed, after: FeedPlace, wanted: set[str]) -> ChangedJobs:
    """Return the group with which all *wanted* jobs have changed since *after*."""
    missing = set(wanted)
    changes = feed.changes(after)
    async for group in changes:
        missing -= set(group.job_ids)
        if not missing:
            await changes.aclose()  # type: ignore[attr-defined]
            return group
    raise AssertionError("the feed has an end")


async def test_new_and_changed_jobs_are_named(fed: Fed) -> None:
    await fed.jobs.insert(make_job("job-1"))
    await fed.jobs.insert(make_job("job-2"))
    group = await changed(fed.feed, fed.start, {"job-1", "job-2"})
    assert await fed.jobs.claim("job-1", lease(), NOW, TYPES)
    await fed.jobs.record_progress(progress(2))
    assert "job-1" in (await changed(fed.feed, group.place, {"job-1"})).job_ids


async def test_a_feed_goes_on_after_a_place_although_nobody_read_meanwhile(fed: Fed) -> None:
    await fed.jobs.insert(make_job("job-1"))
    place = (await changed(fed.feed, fed.start, {"job-1"})).place
    job = await fed.jobs.claim("job-1", lease(), NOW, TYPES)
    assert job is not None
    await fed.jobs.settle(job, "t1", end(Outcome.COMPLETED))
    await changed(fed.feed, place, {"job-1"})
    assert (await current(fed.jobs)).has_ended


async def test_a_feed_says_when_it_is_current(fed: Fed) -> None:
    async for group in fed.feed.changes(fed.start):
        assert group.place >= fed.start
        if group.is_current:
            return


@pytest.mark.parametrize("place", [FeedPlace(-1, 0), FeedPlace(1, 10**9), FeedPlace(2**31 - 1, 1)])
async def test_a_place_that_the_store_does_not_know_is_lost(fed: Fed, place: FeedPlace) -> None:
    with pytest.raises(FeedLost):
        await changed(fed.feed, place, {"job-1"})
