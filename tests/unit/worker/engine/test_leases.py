"""Leases are renewed together, given up in time, and lost for good."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from support.engine_parts import hold_of, make_leases

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, Lease, Renewal, new_job_id
from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.lifecycle import running
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.verdict import Interruption
from secretary_worker.engine.leases import Leases

LEASE_SEC, HEARTBEAT_SEC = 30.0, 10.0


class Scene:
    """Leases in a store that may not answer, with a clock that the test moves."""

    def __init__(self, jobs: InMemoryJobRepository | None = None) -> None:
        self.jobs = jobs or InMemoryJobRepository()
        self.clock = ManualClock()
        self.answers = True
        self.seconds = 0.0
        self.leases = self.new_leases()

    def new_leases(self, jitter: float = 0.0) -> Leases:
        return make_leases(
            self.jobs,
            self.ping,
            self.clock,
            lease_sec=LEASE_SEC,
            heartbeat_sec=HEARTBEAT_SEC,
            monotonic=lambda: self.seconds,
            jitter=jitter,
        )

    async def ping(self) -> None:
        if not self.answers:
            raise StoreUnavailable

    def advance(self, seconds: float) -> None:
        """Let time pass while the worker watches its leases."""
        while seconds > 0:
            step = min(seconds, 1.0)
            self.pause(step)
            self.leases.notice_pause()
            seconds -= step

    def pause(self, seconds: float) -> None:
        """Let time pass while the worker is stopped."""
        self.seconds += seconds
        self.clock.advance(seconds)

    async def hold(self) -> HeldJob:
        """Claim a job and keep its lease."""
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
        lease = self.leases.new()
        claimed = await self.jobs.claim(job.job_id, lease, now, {"test"})
        assert claimed is not None
        hold = hold_of(claimed, lease, self.seconds)
        self.leases.keep(hold)
        return hold

    def request_cancel(self, hold: HeldJob) -> None:
        """Request a cancellation, as a client does."""
        held = self.jobs.jobs[hold.job.job_id]
        self.jobs.jobs[hold.job.job_id] = held.model_copy(update={"cancel_requested": True})

    def expiry_of(self, hold: HeldJob) -> datetime:
        lease = self.jobs.jobs[hold.job.job_id].lease
        assert lease is not None
        return lease.expires_at


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_renewal_extends_every_lease_from_now_on(scene: Scene) -> None:
    holds = [await scene.hold(), await scene.hold()]
    scene.advance(HEARTBEAT_SEC)
    await scene.leases.renew()
    for hold in holds:
        assert scene.expiry_of(hold) == scene.clock.now() + timedelta(seconds=LEASE_SEC)
        assert hold.interruption is None


async def test_a_lease_unconfirmed_with_a_sixth_left_is_given_up(scene: Scene) -> None:
    hold = await scene.hold()
    scene.answers = False
    scene.advance(LEASE_SEC * 5 / 6 - 0.1)
    scene.leases.give_up_unconfirmed()
    assert hold.interruption is None
    scene.advance(0.1)
    scene.leases.give_up_unconfirmed()
    assert hold.interruption is Interruption.LEASE_UNCONFIRMED
    assert scene.expiry_of(hold) - scene.clock.now() == timedelta(seconds=LEASE_SEC / 6)


async def test_a_lease_is_given_up_in_time_while_a_renewal_hangs() -> None:
    class Hanging(InMemoryJobRepository):
        async def renew(
            self, owner: str, job_ids: Collection[str], expires_at: datetime
        ) -> dict[str, Renewal]:
            await asyncio.Event().wait()
            return {}

    scene = Scene()
    leases = make_leases(Hanging(), scene.ping, scene.clock, lease_sec=0.6, heartbeat_sec=0.1)
    now = scene.clock.now()
    job = Job(job_id="job-1", job_type="t", owner="k", run_at=now, created_at=now, updated_at=now)
    hold = hold_of(job, leases.new(), leases.monotonic())
    leases.keep(hold)
    renewing = asyncio.create_task(leases.run())
    async with asyncio.timeout(5):
        assert await hold.interrupted is Interruption.LEASE_UNCONFIRMED
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


async def test_a_lost_lease_replaces_any_other_reason_to_stop(
    scene: Scene,
) -> None:
    hold = await scene.hold()
    hold.interrupt(Interruption.CANCEL_REQUESTED)
    del scene.jobs.jobs[hold.job.job_id]
    await scene.leases.renew()
    assert hold.interruption is Interruption.LEASE_LOST


async def test_a_job_that_is_being_settled_does_not_count_as_lost(scene: Scene) -> None:
    hold = await scene.hold()
    hold.settling = True
    del scene.jobs.jobs[hold.job.job_id]
    await scene.leases.renew()
    assert hold.interruption is None


async def test_a_renewal_finds_a_requested_cancellation(scene: Scene) -> None:
    hold = await scene.hold()
    scene.request_cancel(hold)
    await scene.leases.renew()
    assert hold.interruption is Interruption.CANCEL_REQUESTED


async def test_a_cancellation_does_not_wait_for_the_next_renewal(scene: Scene) -> None:
    hold, other = await scene.hold(), await scene.hold()
    async with running(scene.leases.run()), asyncio.timeout(HEARTBEAT_SEC / 2):
        while not scene.leases.in_contact:  # noqa: ASYNC110 - the one renewal in that time
            await asyncio.sleep(0)
        scene.request_cancel(hold)
        assert await hold.interrupted is Interruption.CANCEL_REQUESTED
    assert other.interruption is None


async def test_a_failed_check_for_cancellations_is_a_loss_of_contact() -> None:
    class Away(InMemoryJobRepository):
        async def cancel_requested_among(self, job_ids: Collection[str]) -> set[str]:
            raise StoreUnavailable

    scene = Scene(Away())
    await scene.leases.renew()
    hold = await scene.hold()
    async with running(scene.leases.run()), asyncio.timeout(10):
        while scene.leases.in_contact:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
    assert hold.interruption is None


async def test_reclaiming_needs_one_heartbeat_of_unbroken_contact(scene: Scene) -> None:
    assert not scene.leases.may_reclaim
    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC)
    assert scene.leases.may_reclaim

    scene.leases.lose_contact()  # a query of this worker had no answer
    assert not scene.leases.may_reclaim
    scene.advance(HEARTBEAT_SEC)
    assert not scene.leases.may_reclaim

    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC - 0.1)
    assert not scene.leases.may_reclaim
    scene.advance(0.1)
    assert scene.leases.may_reclaim


async def test_each_process_has_an_owner_of_its_own() -> None:
    assert Scene().leases.owner != Scene().leases.owner


async def test_a_worker_that_was_stopped_keeps_its_jobs_if_no_other_worker_took_them(
    scene: Scene,
) -> None:
    hold = await scene.hold()
    scene.pause(LEASE_SEC + 10)
    scene.leases.notice_pause()
    scene.leases.give_up_unconfirmed()
    await scene.leases.renew()
    assert hold.interruption is None
    assert scene.expiry_of(hold) == scene.clock.now() + timedelta(seconds=LEASE_SEC)


async def test_a_worker_that_was_stopped_loses_the_jobs_that_others_took(scene: Scene) -> None:
    hold = await scene.hold()
    scene.pause(LEASE_SEC + 10)
    other = Lease(owner="other", token="other", expires_at=scene.clock.now() + timedelta(seconds=9))
    assert await scene.jobs.reclaim(hold.job, other, scene.clock.now())
    await scene.leases.renew()
    assert hold.interruption is Interruption.LEASE_LOST


async def test_a_worker_that_was_stopped_gives_up_what_it_cannot_renew_within_a_heartbeat(
    scene: Scene,
) -> None:
    hold = await scene.hold()
    scene.pause(LEASE_SEC + 10)
    scene.leases.notice_pause()
    scene.advance(HEARTBEAT_SEC - 1)
    scene.leases.give_up_unconfirmed()
    assert hold.interruption is None
    scene.advance(1.1)
    scene.leases.give_up_unconfirmed()
    assert hold.interruption is Interruption.LEASE_UNCONFIRMED


async def test_a_worker_that_was_stopped_reclaims_only_a_heartbeat_later(scene: Scene) -> None:
    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC)
    assert scene.leases.may_reclaim
    scene.pause(LEASE_SEC + 10)
    assert not scene.leases.may_reclaim
    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC - 0.1)
    assert not scene.leases.may_reclaim
    scene.advance(0.2)
    assert scene.leases.may_reclaim


async def test_after_its_clock_was_set_forward_mongodb_lets_the_owners_renew_first(
    scene: Scene,
) -> None:
    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC)
    assert scene.leases.may_reclaim
    scene.clock.advance(LEASE_SEC + 1)  # the leases of all workers seem to have expired
    assert not scene.leases.may_reclaim
    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC - 0.1)
    assert not scene.leases.may_reclaim
    scene.advance(0.1)
    assert scene.leases.may_reclaim


async def test_an_answer_from_before_a_pause_is_no_contact() -> None:
    class Pausing(Scene):
        async def ping(self) -> None:
            self.pause(LEASE_SEC + 10)

    scene = Pausing()
    await scene.leases.renew()
    assert not scene.leases.in_contact


async def test_a_jitter_separates_the_workers_that_reclaim_after_an_outage(scene: Scene) -> None:
    scene.leases = scene.new_leases(jitter=0.5)
    await scene.leases.renew()
    scene.leases.lose_contact()
    await scene.leases.renew()
    scene.advance(HEARTBEAT_SEC + 1)
    assert not scene.leases.may_reclaim
    scene.advance(0.5)
    assert scene.leases.may_reclaim
