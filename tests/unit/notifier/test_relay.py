"""The relay over the in-memory store: which deliveries a doorbell makes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from secretary_common.models import (
    DueDelivery,
    Job,
    JobStatus,
    NotifySlot,
    Phase,
    Webhook,
    new_job_id,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_notifier.relay import SLOTS_AT_ONCE, Relay, Relayed


class RelayHarness:
    """A relay, its stores and its clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.jobs = InMemoryJobRepository()
        self.deliveries = InMemoryDeliveryRepository()
        self.relay = Relay(
            self.jobs,
            self.deliveries,
            self.clock,
            public_url="https://secretary.example",
            first_wait_sec=0.0,
        )

    async def add(self, **fields: Any) -> str:
        """Insert a job that has ended, with a due slot; return its id."""
        now = self.clock.now()
        job = Job(
            job_id=new_job_id(),
            job_type="pdf",
            owner="key-1",
            status=JobStatus.COMPLETED,
            run_at=now,
            created_at=now,
            updated_at=now,
            completed_at=now,
            seq=3,
            notify=NotifySlot(seq=3, run=1, phase=Phase.COMPLETED, due_at=now),
            webhook=Webhook(url="https://example.com/"),
        ).model_copy(update=fields)
        await self.jobs.insert(job)
        self.clock.advance(0.001)
        return job.job_id


def job_ids(relayed: Relayed) -> set[str]:
    return {due.job_id for due in relayed.due}


async def test_a_doorbell_relays_every_due_slot() -> None:
    harness = RelayHarness()
    added = {await harness.add() for _ in range(5)}
    relayed = await harness.relay.relay_due({min(added)})
    assert job_ids(relayed) == added
    assert not relayed.more


async def test_new_deliveries_are_offered_before_their_slots_are_cleared() -> None:
    harness = RelayHarness()
    added = await harness.add()
    seen: list[tuple[list[str], bool]] = []

    def on_stored(due: list[DueDelivery]) -> None:
        seen.append(([one.job_id for one in due], harness.jobs.jobs[added].notify is None))

    relayed = await harness.relay.relay_due({added}, on_stored=on_stored)
    assert seen == [([added], False)]
    assert (job_ids(relayed), relayed.found) == ({added}, [])
    assert harness.jobs.jobs[added].notify is None


async def test_a_doorbell_relays_its_own_slot_behind_a_long_backlog() -> None:
    harness = RelayHarness()
    backlog = [await harness.add() for _ in range(SLOTS_AT_ONCE)]
    rung = await harness.add()
    relayed = await harness.relay.relay_due({rung})
    assert job_ids(relayed) == {*backlog, rung}
    assert relayed.more


async def test_a_doorbell_for_a_slot_that_is_not_due_returns_its_time() -> None:
    harness = RelayHarness()
    later = NotifySlot(
        seq=3, run=1, phase=Phase.COMPLETED, due_at=harness.clock.now() + timedelta(minutes=1)
    )
    rung = await harness.add(notify=later)
    relayed = await harness.relay.relay_due({rung})
    assert (relayed.due, relayed.next_at) == ([], later.due_at)


async def test_a_doorbell_without_a_slot_finds_the_due_delivery_of_its_job() -> None:
    harness = RelayHarness()
    rung = await harness.add()
    await harness.relay.relay_due()
    assert job_ids(await harness.relay.relay_due({rung})) == {rung}


async def test_relays_at_the_same_time_send_each_event_once() -> None:
    harness = RelayHarness()
    added = [await harness.add() for _ in range(5)]
    both = await asyncio.gather(harness.relay.relay_due(), harness.relay.relay_due())
    assert sorted(due.job_id for relayed in both for due in relayed.due) == sorted(added)
