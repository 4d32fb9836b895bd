"""The dispatcher over the in-memory store: what is sent after a doorbell, and what is sent next."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from secretary_common.models import (
    Delivery,
    DeliveryState,
    DueDelivery,
    Job,
    JobStatus,
    Lease,
    NotifySlot,
    Phase,
    Webhook,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_notifier.courier import Courier
from secretary_notifier.courier_config import CourierConfig
from secretary_notifier.dispatcher import Dispatcher
from secretary_notifier.fairness.fair_queue import FairQueue
from secretary_notifier.relay import Relay
from secretary_notifier.verdict import Answer

JOB_ID = "job-1"
NEVER_SEC = 3600.0
"""So nothing is found by polling."""


class CountedReads(InMemoryDeliveryRepository):
    """Counts the reads of a job's next delivery, and lists the claims by an update."""

    def __init__(self) -> None:
        super().__init__()
        self.successor_reads = 0
        self.claims: list[str] = []
        self.refused = asyncio.Event()

    async def due_of_jobs(self, job_ids: Collection[str], now: datetime) -> dict[str, DueDelivery]:
        self.successor_reads += 1
        return await super().due_of_jobs(job_ids, now)

    async def claim(
        self, delivery_ids: Sequence[str], lease: Lease, now: datetime
    ) -> list[Delivery | None]:
        claimed = await super().claim(delivery_ids, lease, now)
        self.claims += delivery_ids
        if None in claimed:
            self.refused.set()
        return claimed


class DispatcherHarness:
    """A dispatcher, its stores, and a receiver that answers once it may."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.jobs = InMemoryJobRepository()
        self.deliveries = CountedReads()
        self.sent: asyncio.Queue[int] = asyncio.Queue()
        self.may_answer = asyncio.Event()
        queue = FairQueue(slots=8, per_origin=4)
        config = CourierConfig(owner="n", timeout_sec=15, retry_schedule_sec=(0.0, 5.0))
        limit = KeyedLimit(total=8, per_key=4)
        self.dispatcher = Dispatcher(
            Relay(self.jobs, self.deliveries, self.clock, public_url="", first_wait_sec=0.0),
            self.deliveries,
            Courier(self.deliveries, self, limit, self.clock, config),
            queue,
            self.clock,
            poll_interval_sec=NEVER_SEC,
        )

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        self.sent.put_nowait(delivery.seq)
        await self.may_answer.wait()
        return Answer(at=at, duration_ms=3, status_code=200)

    async def ring_for(self, seq: int, run: int = 1) -> None:
        """Put the end of *run* into the job's slot, and ring."""
        now = self.clock.now()
        slot = NotifySlot(seq=seq, run=run, phase=Phase.COMPLETED, due_at=now)
        job = Job(
            job_id=JOB_ID,
            job_type="pdf",
            owner="key-1",
            status=JobStatus.COMPLETED,
            run=run,
            run_at=now,
            created_at=now,
            updated_at=now,
            completed_at=now,
            seq=seq,
            notify=slot,
            webhook=Webhook(url="https://example.com/"),
        )
        self.jobs.jobs[JOB_ID] = job
        await self.dispatcher.on_doorbell(JOB_ID)


async def test_a_doorbell_sends_the_event_without_a_claim_of_its_own() -> None:
    harness = DispatcherHarness()
    harness.may_answer.set()
    await harness.ring_for(3)
    await harness.dispatcher.drain(5)
    assert harness.deliveries.claims == []
    [stored] = harness.deliveries.deliveries.values()
    assert (stored.state, len(stored.attempts)) == (DeliveryState.DELIVERED, 1)


async def test_after_the_end_of_a_run_no_next_event_is_read_for() -> None:
    harness = DispatcherHarness()
    harness.may_answer.set()
    await harness.ring_for(3)
    await harness.dispatcher.drain(5)
    assert harness.sent.get_nowait() == 3
    assert harness.deliveries.successor_reads == 0


async def test_the_end_of_a_later_run_follows_the_end_that_was_in_flight() -> None:
    harness = DispatcherHarness()
    async with asyncio.timeout(10):
        await harness.ring_for(3)
        assert await harness.sent.get() == 3
        await harness.ring_for(6, run=2)
        await harness.deliveries.refused.wait()
        assert harness.sent.empty()
        harness.may_answer.set()
        assert await harness.sent.get() == 6
        await harness.dispatcher.drain(5)


async def test_a_stop_waits_for_the_event_of_a_doorbell_in_progress() -> None:
    harness = DispatcherHarness()
    harness.may_answer.set()
    ringing = asyncio.create_task(harness.ring_for(3))
    await asyncio.sleep(0)
    await harness.dispatcher.drain(5)
    await ringing
    [stored] = harness.deliveries.deliveries.values()
    assert stored.state is DeliveryState.DELIVERED
