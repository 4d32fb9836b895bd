"""Leases: renewed together, given up in time, lost for good."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, Renewal, new_job_id
from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.lifecycle import running
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.attempt.hold import Hold
from secretary_worker.attempt.verdict import Interruption
from secretary_worker.engine.leases import LeaseKeeper

LEASE_SEC, HEARTBEAT_SEC = 30.0, 10.0


class Scene:
    """A keeper over a store that may not answer, with a clock moved by hand."""

    def __init__(self, jobs: InMemoryJobRepository | None = None) -> None:
        self.jobs = jobs or InMemoryJobRepository()
        self.clock = ManualClock()
        self.answers = True
        self.seconds = 0.0
        self.keeper = LeaseKeeper(
            self.jobs,
            self.ping,
            self.clock,
            lease_sec=LEASE_SEC,
            heartbeat_sec=HEARTBEAT_SEC,
            monotonic=lambda: self.seconds,
        )

    async def ping(self) -> None:
        if not self.answers:
            raise StoreUnavailable

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock.advance(seconds)

    async def hold(self) -> Hold:
        """A job held by the keeper."""
        now = self.clock.now()
        job = Job(
            job_id=new_job_id(),
            job_type="test",
            owner="key-1",
            run_at=now,
            created_at=now,
            updated_at=now,
        )
        await self.jobs.insert(job)
        lease = self.keeper.lease()
        claimed = await self.jobs.claim(job.job_id, lease, now, {"test"})
        assert claimed is not None
        hold = Hold(claimed, lease, self.seconds)
        self.keeper.keep(hold)
        return hold

    def request_cancel(self, hold: Hold) -> None:
        """Ask for it as a client does."""
        held = self.jobs.jobs[hold.job.job_id]
        self.jobs.jobs[hold.job.job_id] = held.model_copy(update={"cancel_requested": True})

    def end_of(self, hold: Hold) -> datetime:
        lease = self.jobs.jobs[hold.job.job_id].lease
        assert lease is not None
        return lease.expires_at


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_beat_extends_every_lease_from_now_on(scene: Scene) -> None:
    holds = [await scene.hold(), await scene.hold()]
    scene.advance(HEARTBEAT_SEC)
    await scene.keeper.beat()
    for hold in holds:
        assert scene.end_of(hold) == scene.clock.now() + timedelta(seconds=LEASE_SEC)
        assert hold.interruption is None


async def test_a_lease_unconfirmed_with_a_sixth_left_is_given_up(scene: Scene) -> None:
    hold = await scene.hold()
    scene.answers = False
    scene.advance(LEASE_SEC * 5 / 6 - 0.1)
    scene.keeper.give_up_unconfirmed()
    assert hold.interruption is None
    scene.advance(0.1)
    scene.keeper.give_up_unconfirmed()
    assert hold.interruption is Interruption.LEASE_LOST
    assert scene.end_of(hold) - scene.clock.now() == timedelta(seconds=LEASE_SEC / 6)


async def test_a_lease_is_given_up_in_time_while_a_renewal_hangs() -> None:
    class Hanging(InMemoryJobRepository):
        async def renew(
            self, owner: str, job_ids: Collection[str], expires_at: datetime
        ) -> dict[str, Renewal]:
            await asyncio.Event().wait()
            return {}

    scene = Scene()
    keeper = LeaseKeeper(Hanging(), scene.ping, scene.clock, lease_sec=0.6, heartbeat_sec=0.1)
    now = scene.clock.now()
    job = Job(job_id="job-1", job_type="t", owner="k", run_at=now, created_at=now, updated_at=now)
    hold = Hold(job, keeper.lease(), asyncio.get_running_loop().time())
    keeper.keep(hold)
    renewing = asyncio.create_task(keeper.run())
    async with asyncio.timeout(5):
        assert await hold.interrupted is Interruption.LEASE_LOST
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


async def test_whoever_lost_a_lease_is_told_even_if_stopped_for_another_reason(
    scene: Scene,
) -> None:
    hold = await scene.hold()
    hold.interrupt(Interruption.CANCEL_REQUESTED)
    del scene.jobs.jobs[hold.job.job_id]
    await scene.keeper.beat()
    assert hold.interruption is Interruption.LEASE_LOST


async def test_a_job_being_settled_is_not_taken_for_lost(scene: Scene) -> None:
    hold = await scene.hold()
    hold.settling = True
    del scene.jobs.jobs[hold.job.job_id]
    await scene.keeper.beat()
    assert hold.interruption is None


async def test_a_renewal_brings_a_requested_cancellation_back(scene: Scene) -> None:
    hold = await scene.hold()
    scene.request_cancel(hold)
    await scene.keeper.beat()
    assert hold.interruption is Interruption.CANCEL_REQUESTED


async def test_who_cancels_a_running_job_does_not_wait_for_its_next_renewal(scene: Scene) -> None:
    hold, other = await scene.hold(), await scene.hold()
    async with running(scene.keeper.run()), asyncio.timeout(HEARTBEAT_SEC / 2):
        while not scene.keeper.in_contact:  # noqa: ASYNC110 - the one renewal in that time
            await asyncio.sleep(0)
        scene.request_cancel(hold)
        assert await hold.interrupted is Interruption.CANCEL_REQUESTED
    assert other.interruption is None


async def test_a_look_for_cancelled_jobs_that_fails_is_a_loss_of_contact() -> None:
    class Away(InMemoryJobRepository):
        async def cancel_requested_among(self, job_ids: Collection[str]) -> set[str]:
            raise StoreUnavailable

    scene = Scene(Away())
    await scene.keeper.beat()
    hold = await scene.hold()
    async with running(scene.keeper.run()), asyncio.timeout(10):
        while scene.keeper.in_contact:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
    assert hold.interruption is None


async def test_reclaiming_needs_one_heartbeat_of_unbroken_contact(scene: Scene) -> None:
    assert not scene.keeper.may_reclaim
    await scene.keeper.beat()
    scene.advance(HEARTBEAT_SEC)
    assert scene.keeper.may_reclaim

    scene.keeper.lose_contact()  # somebody's query was not answered
    assert not scene.keeper.may_reclaim
    scene.advance(HEARTBEAT_SEC)
    assert not scene.keeper.may_reclaim

    await scene.keeper.beat()
    scene.advance(HEARTBEAT_SEC - 0.1)
    assert not scene.keeper.may_reclaim
    scene.advance(0.1)
    assert scene.keeper.may_reclaim


async def test_each_boot_has_an_owner_of_its_own() -> None:
    assert Scene().keeper.owner != Scene().keeper.owner
