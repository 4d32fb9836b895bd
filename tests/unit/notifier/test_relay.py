"""The relay over the in-memory store: which deliveries a doorbell makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from secretary_common.errors import NotStorable, StoreUnavailable
from secretary_common.jobs.outbox import NewDeliveries
from secretary_common.models import (
    Delivery,
    DeliveryState,
    DueDelivery,
    Job,
    JobStatus,
    Lease,
    NotifySlot,
    Obstacles,
    Phase,
    Webhook,
    new_job_id,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_notifier.first_claims import Check, FirstClaims
from secretary_notifier.relay import SLOTS_AT_ONCE, Relay, Relayed


class RelayHarness:
    """A relay, its stores and its clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.jobs = InMemoryJobRepository()
        self.deliveries = InMemoryDeliveryRepository()
        self.stores: NewDeliveries | None = None
        self.to_send: list[DueDelivery] = []
        self.relay = Relay(
            self.jobs,
            self.deliveries,
            self.clock,
            public_url="https://secretary.example",
            first_wait_sec=0.0,
        )

    async def relay_due(self, *rung: str) -> Relayed:
        """Relay, and list the deliveries to send in ``to_send``."""
        self.to_send.clear()
        relayed = await self.relay.relay_due(
            rung, on_stored=self.to_send.extend, stores=self.stores
        )
        self.to_send += relayed.found
        return relayed

    @property
    def job_ids(self) -> set[str]:
        """The jobs of the deliveries to send."""
        return {due.job_id for due in self.to_send}

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


async def test_a_doorbell_relays_every_due_slot() -> None:
    harness = RelayHarness()
    added = {await harness.add() for _ in range(5)}
    relayed = await harness.relay_due(min(added))
    assert harness.job_ids == added
    assert not relayed.more


async def test_new_deliveries_are_offered_before_their_slots_are_cleared() -> None:
    harness = RelayHarness()
    added = await harness.add()
    seen: list[tuple[list[str], bool]] = []

    def on_stored(due: list[DueDelivery]) -> None:
        seen.append(([one.job_id for one in due], harness.jobs.jobs[added].notify is None))

    relayed = await harness.relay.relay_due({added}, on_stored=on_stored)
    assert seen == [([added], False)]
    assert relayed.found == []
    assert harness.jobs.jobs[added].notify is None


async def test_a_doorbell_relays_its_own_slot_behind_a_long_backlog() -> None:
    harness = RelayHarness()
    backlog = [await harness.add() for _ in range(SLOTS_AT_ONCE)]
    rung = await harness.add()
    relayed = await harness.relay_due(rung)
    assert harness.job_ids == {*backlog, rung}
    assert relayed.more


async def test_a_doorbell_for_a_slot_that_is_not_due_returns_its_time() -> None:
    harness = RelayHarness()
    later = NotifySlot(
        seq=3, run=1, phase=Phase.COMPLETED, due_at=harness.clock.now() + timedelta(minutes=1)
    )
    rung = await harness.add(notify=later)
    relayed = await harness.relay_due(rung)
    assert (harness.to_send, relayed.next_at) == ([], later.due_at)


async def test_a_doorbell_without_a_slot_finds_the_due_delivery_of_its_job() -> None:
    harness = RelayHarness()
    rung = await harness.add()
    await harness.relay_due()
    await harness.relay_due(rung)
    assert harness.job_ids == {rung}


async def test_relays_at_the_same_time_send_each_event_once() -> None:
    harness = RelayHarness()
    added = [await harness.add() for _ in range(5)]
    sent: list[DueDelivery] = []
    relays = (harness.relay.relay_due(on_stored=sent.extend) for _ in range(2))
    for relayed in await asyncio.gather(*relays):
        sent += relayed.found
    assert sorted(due.job_id for due in sent) == sorted(added)


class LosingAnswers(InMemoryDeliveryRepository):
    """A store that claims deliveries, but whose answer is lost the first time."""

    lost = 1

    async def insert_claimed(
        self, deliveries: Sequence[Delivery], leases: Mapping[str, Lease]
    ) -> list[bool | NotStorable]:
        outcomes = await super().insert_claimed(deliveries, leases)
        if self.lost:
            self.lost -= 1
            raise StoreUnavailable("the answer is lost")
        return outcomes


class ClaimingHarness(RelayHarness):
    """A relay that claims new deliveries while slots are free."""

    def __init__(self, slots: int, deliveries: InMemoryDeliveryRepository | None = None) -> None:
        super().__init__()
        self.deliveries = deliveries or self.deliveries
        self.relay = Relay(
            self.jobs, self.deliveries, self.clock, public_url="", first_wait_sec=0.0
        )
        self.free = slots
        self.leases = 0
        self.sent: list[Delivery] = []
        self.on_sent: Callable[[], object] = lambda: None
        self.sent_under_check: list[bool] = []
        self.stores = FirstClaims(
            self.deliveries,
            self.clock,
            new_lease=self.new_lease,
            take_slot=lambda _: self.change(-1),
            free_slot=lambda _: self.change(1),
            check=self.check,
            send=self.send,
        )

    async def check(self, _: Delivery) -> Obstacles:
        return Obstacles(is_overtaken=False, is_muted=False)

    def send(self, delivery: Delivery, check: Check | None) -> None:
        self.sent.append(delivery)
        self.sent_under_check.append(check is not None)
        self.on_sent()

    def new_lease(self) -> Lease:
        self.leases += 1
        expires_at = self.clock.now() + timedelta(seconds=25)
        return Lease(owner="notifier-1", token=f"token-{self.leases}", expires_at=expires_at)

    def change(self, slots: int) -> bool:
        may = self.free + slots >= 0
        self.free += slots if may else 0
        return may

    async def states(self) -> list[DeliveryState]:
        return [each.state for each in self.deliveries.deliveries.values()]


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.PROCESSING])
async def test_only_the_end_of_a_job_is_checked_while_it_is_stored(phase: Phase) -> None:
    harness = ClaimingHarness(slots=1)
    slot = NotifySlot(seq=3, run=1, phase=phase, due_at=harness.clock.now())
    await harness.add(notify=slot)
    await harness.relay_due()
    assert harness.sent_under_check == [phase is Phase.COMPLETED]


async def test_requests_leave_before_the_slots_are_cleared() -> None:
    harness = ClaimingHarness(slots=1)
    job_id = await harness.add()
    slot = harness.jobs.jobs[job_id].notify
    slots: list[NotifySlot | None] = []

    async def request() -> None:
        await asyncio.sleep(0)  # as a request that waits for nothing but a turn of the loop
        slots.append(harness.jobs.jobs[job_id].notify)

    requests: list[asyncio.Task[None]] = []
    harness.on_sent = lambda: requests.append(asyncio.create_task(request()))
    await harness.relay_due()
    await asyncio.gather(*requests)
    assert slots == [slot]
    assert harness.jobs.jobs[job_id].notify is None


async def test_deliveries_with_a_free_slot_are_stored_as_claimed_and_sent() -> None:
    harness = ClaimingHarness(slots=1)
    await harness.add()
    await harness.add()
    await harness.relay_due()
    assert await harness.states() == [DeliveryState.SENDING, DeliveryState.PENDING]
    assert harness.sent == [next(iter(harness.deliveries.deliveries.values()))]


async def test_after_a_lost_answer_the_relay_sends_what_it_claimed_once() -> None:
    harness = ClaimingHarness(slots=2, deliveries=LosingAnswers())
    await harness.add()
    with pytest.raises(StoreUnavailable):
        await harness.relay_due()
    assert (harness.sent, harness.free) == ([], 2)
    await harness.relay_due()
    await harness.relay_due()
    assert harness.sent == [*harness.deliveries.deliveries.values()]
    assert harness.free == 1


async def test_after_a_lost_answer_the_relay_sends_the_bytes_that_are_stored() -> None:
    harness = ClaimingHarness(slots=1, deliveries=LosingAnswers())
    slot = NotifySlot(seq=3, run=1, phase=Phase.PROCESSING, due_at=harness.clock.now())
    job_id = await harness.add(notify=slot)
    with pytest.raises(StoreUnavailable):
        await harness.relay_due()
    # A worker repeats a progress write whose answer was lost, under the same number.
    harness.jobs.put(harness.jobs.jobs[job_id], updated_at=harness.clock.advance(1))
    await harness.relay_due()
    assert harness.sent == [*harness.deliveries.deliveries.values()]


async def test_a_claim_in_doubt_is_not_repeated_after_its_lease() -> None:
    harness = ClaimingHarness(slots=2, deliveries=LosingAnswers())
    await harness.add()
    with pytest.raises(StoreUnavailable):
        await harness.relay_due()
    harness.clock.advance(26)
    await harness.relay_due()
    assert (harness.sent, harness.free) == ([], 2)


async def test_an_event_waits_unclaimed_while_its_job_has_another_in_flight() -> None:
    harness = ClaimingHarness(slots=2)
    job_id = await harness.add()
    await harness.relay_due()
    now = harness.clock.now()
    slot = NotifySlot(seq=5, run=2, phase=Phase.COMPLETED, due_at=now)
    harness.jobs.put(harness.jobs.jobs[job_id], seq=5, run=2, notify=slot)
    await harness.relay_due()
    assert [one.seq for one in harness.sent] == [3]
    assert [one.seq for one in harness.to_send] == [5]
    assert await harness.states() == [DeliveryState.SENDING, DeliveryState.PENDING]
    assert harness.free == 1
