"""While MongoDB does not answer, a worker claims nothing; afterwards it continues by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, ClassVar

from support.engine_harness import CLOCK, engine

from secretary_common.broker.message import RingOutcome
from secretary_common.errors import StoreUnavailable
from secretary_common.models import Candidate, Job, JobStatus, Lease, Renewal, Settlement
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.attempt.verdict import Interruption


class Store(InMemoryJobRepository):
    """A store that may not answer and counts its calls."""

    answers = True
    calls = 0

    async def next_due(self, job_types: Collection[str], now: datetime) -> Candidate | None:
        self.count()
        return await super().next_due(job_types, now)

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
    ) -> Job | None:
        self.count()
        return await super().claim(job_id, lease, now, job_types)

    def count(self) -> None:
        self.calls += 1
        if not self.answers:
            raise StoreUnavailable

    async def ping(self) -> None:
        if not self.answers:
            raise StoreUnavailable


class Away(Store):
    """Renews and settles only while it answers."""

    async def renew(
        self, owner: str, job_ids: Collection[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        self.count()
        return await super().renew(owner, job_ids, expires_at)

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        self.count()
        return await super().settle(job, token, settlement, ended=ended)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


async def nothing(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    """Returns at once."""


async def test_in_an_outage_the_worker_looks_once_a_second_and_claims_nothing() -> None:
    store = Store()
    async with engine(nothing, jobs=store, ping=store.ping, heartbeat_sec=0.1) as worker:
        await asyncio.sleep(0.2)
        store.answers, store.calls = False, 0
        job_id = await worker.submit()
        assert await worker.manager.ring("test", job_id) is RingOutcome.GIVEN_BACK
        await asyncio.sleep(2)
        assert store.calls <= 5  # the doorbell, and one look a second
        assert not worker.leases.in_contact
        assert not worker.manager.is_stuck
        store.answers = True
        assert (await worker.ended(job_id)).status is JobStatus.COMPLETED


async def test_after_an_outage_owners_may_renew_before_any_job_is_reclaimed() -> None:
    store = Store()
    async with engine(nothing, jobs=store, ping=store.ping, heartbeat_sec=0.6) as worker:
        await until(lambda: worker.leases.may_reclaim)
        store.answers = False
        await until(lambda: not worker.leases.in_contact)
        lease: dict[str, Any] = {"owner": "ghost", "token": "boo", "expires_at": CLOCK.now()}
        job_id = await worker.submit(status="processing", attempt=1, seq=1, lease=lease)
        store.answers = True
        await until(lambda: worker.leases.in_contact)
        await asyncio.sleep(0.3)
        assert store.jobs[job_id].attempt == 1
        assert (await worker.ended(job_id)).attempt == 2


async def test_an_attempt_given_up_in_an_outage_is_handed_back_and_forgiven() -> None:
    async def handler(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
        if job.attempt == 1:
            await asyncio.sleep(60)

    store = Away()
    async with engine(
        handler, jobs=store, ping=store.ping, lease_sec=0.6, heartbeat_sec=0.1
    ) as worker:
        job_id = await worker.submit(max_attempts=1)
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        store.answers = False
        await until(
            lambda: (
                Interruption.LEASE_UNCONFIRMED
                in [hold.interruption for hold in worker.manager.running]
            )
        )
        store.answers = True
        job = await worker.ended(job_id)
    assert (job.status, job.attempt, job.forgiven) == (JobStatus.COMPLETED, 2, 1)
    assert job.lost_leases == 0


async def test_a_result_made_in_an_outage_is_settled_after_it() -> None:
    store = Away()

    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        store.answers = False

    async with engine(
        handler, jobs=store, ping=store.ping, lease_sec=0.3, heartbeat_sec=0.1
    ) as worker:
        job_id = await worker.submit()
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        await asyncio.sleep(1)  # more than a lease
        store.answers = True
        job = await worker.ended(job_id)
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_handler_may_go_on_for_longer_than_a_lease_after_it_has_ended_its_job() -> None:
    went_on: list[bool] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
        await asyncio.sleep(0.6)
        went_on.append(True)

    async with engine(handler, lease_sec=0.3, heartbeat_sec=0.1) as worker:
        job = await worker.ended(await worker.submit())
    assert job.status is JobStatus.COMPLETED
    assert went_on == [True]


async def test_an_unexpected_error_of_a_look_does_not_end_the_worker() -> None:
    class Odd(Store):
        def count(self) -> None:
            self.calls += 1
            if self.calls == 1:
                raise LookupError("a fault")

    store = Odd()
    async with engine(nothing, jobs=store) as worker:
        assert (await worker.ended(await worker.submit())).status is JobStatus.COMPLETED


class SlowToAnswer(Store):
    """Claims happen at once; their answers take a moment."""

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
    ) -> Job | None:
        job = await super().claim(job_id, lease, now, job_types)
        await asyncio.sleep(0.3)
        return job


async def test_a_job_claimed_while_its_doorbell_was_cancelled_is_run() -> None:
    async with engine(nothing, jobs=SlowToAnswer(), poll_interval_sec=30) as worker:
        await asyncio.sleep(0.05)
        job_id = await worker.submit()
        ringing = asyncio.create_task(worker.manager.ring("test", job_id))
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        ringing.cancel()
        assert (await worker.ended(job_id)).status is JobStatus.COMPLETED


async def test_a_job_claimed_while_the_worker_stops_is_run() -> None:
    async with engine(nothing, jobs=SlowToAnswer(), poll_interval_sec=30) as worker:
        await asyncio.sleep(0.05)
        job_id = await worker.submit()
        ringing = asyncio.create_task(worker.manager.ring("test", job_id))
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
    ringing.cancel()
    assert worker.jobs.jobs[job_id].status is JobStatus.COMPLETED


async def test_an_endless_backlog_does_not_delay_expired_jobs() -> None:
    class Endless(Store):
        """Stores another job for each claim."""

        async def claim(
            self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
        ) -> Job | None:
            await worker.submit(webhook=None)
            await asyncio.sleep(0.005)  # slower than the jobs: a slot is always free
            return await super().claim(job_id, lease, now, job_types)

    async with engine(nothing, jobs=Endless(), heartbeat_sec=0.1) as worker:
        await worker.submit()
        await until(lambda: worker.leases.may_reclaim)
        lease: dict[str, Any] = {"owner": "ghost", "token": "boo", "expires_at": CLOCK.now()}
        job_id = await worker.submit(status="processing", attempt=1, seq=1, lease=lease)
        assert (await worker.ended(job_id)).attempt == 2


async def test_expired_jobs_go_before_waiting_jobs() -> None:
    class Endless(Store):
        """Stores another job for each claim."""

        taken: ClassVar[list[str]] = []

        async def claim(
            self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
        ) -> Job | None:
            await worker.submit(webhook=None)
            self.taken.append("waiting")
            return await super().claim(job_id, lease, now, job_types)

        async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
            self.taken.append("expired")
            return await super().reclaim(job, lease, now)

    store = Endless()
    async with engine(
        nothing, jobs=store, slots=1, heartbeat_sec=0.1, poll_interval_sec=0.5
    ) as worker:
        await worker.submit()
        await until(lambda: worker.leases.may_reclaim)
        lease: dict[str, Any] = {"owner": "ghost", "token": "boo", "expires_at": CLOCK.now()}
        for _ in range(3):
            await worker.submit(status="processing", attempt=1, seq=1, lease=lease)
        await until(lambda: store.taken.count("expired") == 3)
    first = store.taken.index("expired")
    assert store.taken[first : first + 3] == ["expired"] * 3
