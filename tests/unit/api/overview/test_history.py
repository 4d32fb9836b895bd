"""The history of the last hour: complete after a few requests, and never read twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from secretary_api.overview.history import PIECE, SLOT, SPAN, History, RecentHistory
from secretary_common.models import EndedCount, Job, JobStatus, new_job_id
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.jobs import InMemoryJobRepository

RETENTION = timedelta(days=30)


class CountingJobs(InMemoryJobRepository):
    """Notes the span of each read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[timedelta] = []
        self.spent, self.cost_sec = 0.0, 1.0

    async def ended(
        self, since: datetime, until: datetime, slot_sec: float, retention: timedelta
    ) -> list[EndedCount]:
        self.read.append(until - since)
        self.spent += self.cost_sec
        return await super().ended(since, until, slot_sec, retention)


@pytest.fixture
def jobs() -> CountingJobs:
    return CountingJobs()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def history(jobs: CountingJobs, clock: ManualClock) -> RecentHistory:
    return RecentHistory(jobs, clock, RETENTION, monotonic=lambda: jobs.spent)


async def end(
    jobs: CountingJobs,
    at: datetime,
    status: str = "completed",
    *,
    owner: str = "key-1",
    waited_sec: float = 1.0,
    ran_sec: float = 10.0,
) -> None:
    started = at - timedelta(seconds=ran_sec)
    due = started - timedelta(seconds=waited_sec)
    job = Job(
        job_id=new_job_id(),
        job_type="pdf",
        owner=owner,
        status=JobStatus(status),
        run_at=due,
        created_at=due,
        updated_at=at,
        processing_started_at=started,
        completed_at=at,
        expires_at=at + RETENTION,
    )
    await jobs.insert(job)


def total(found: History) -> int:
    return sum(one.completed + one.failed + one.cancelled for one in found.minutes)


async def whole(history: RecentHistory, owner: str | None = None) -> History:
    for _ in range(SPAN // PIECE):
        found = await history.of(owner)
    return found


async def test_the_hour_is_known_after_as_many_requests_as_it_has_pieces(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    for minutes in range(0, 60, 4):
        await end(jobs, clock.now() - timedelta(minutes=minutes))
    await end(jobs, clock.now() - timedelta(minutes=61))
    first = await history.of(None)
    assert 0 < total(first) < 15
    found = await whole(history)
    assert total(found) == 15
    assert found.since == clock.now() - SPAN
    assert max(jobs.read) == PIECE


async def test_a_short_history_is_known_at_once(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    jobs.cost_sec = 0.001
    assert (await history.of(None)).since == clock.now() - SPAN


async def test_later_requests_read_only_what_is_new(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    await whole(history)
    jobs.read.clear()
    for _ in range(100):
        clock.advance(5)
        await end(jobs, clock.now())
        found = await history.of(None)
    assert total(found) == 100
    assert max(jobs.read) <= 3 * SLOT


async def test_a_settlement_that_appears_late_is_counted(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    await whole(history)
    clock.advance(SLOT.total_seconds() + 3)
    await history.of(None)
    await end(jobs, clock.now() - SLOT)
    assert total(await history.of(None)) == 1


async def test_after_a_pause_nothing_is_missing(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    await whole(history)
    clock.advance(1800)
    await end(jobs, clock.now() - timedelta(seconds=900))
    assert total(await whole(history)) == 1
    clock.advance(3600)
    assert total(await whole(history)) == 0


async def test_a_key_sees_its_own_jobs(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    await end(jobs, clock.now(), "failed", owner="key-1")
    await end(jobs, clock.now(), owner="key-2")
    found = await history.of("key-1")
    assert [(one.failed, one.completed) for one in found.minutes if one.failed] == [(1, 0)]
    assert found.by_type == {"pdf": {"failed": 1}}


async def test_the_percentiles_are_near_the_durations(
    jobs: CountingJobs, clock: ManualClock, history: RecentHistory
) -> None:
    for number in range(100):
        slow = number >= 90
        await end(jobs, clock.now(), waited_sec=8 if slow else 0.1, ran_sec=120 if slow else 3)
    await end(jobs, clock.now(), "cancelled", waited_sec=10_000)
    found = await history.of(None)
    assert found.waited is not None
    assert found.ran is not None
    assert found.waited.p50 == pytest.approx(0.1, rel=0.1)
    assert found.waited.p95 == pytest.approx(8, rel=0.1)
    assert found.ran.p50 == pytest.approx(3, rel=0.1)
    assert found.ran.p95 == pytest.approx(120, rel=0.1)


async def test_without_jobs_there_are_no_percentiles(history: RecentHistory) -> None:
    found = await history.of(None)
    assert (found.waited, found.ran, total(found)) == (None, None, 0)
