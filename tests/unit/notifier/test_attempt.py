"""One attempt from claim to record, over the in-memory store and a clock moved by hand."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from secretary_common.clock import ManualClock
from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Lease,
    Phase,
    delivery_id_of,
)
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_notifier.attempt import Courier, Terms
from secretary_notifier.delivery import Answer

TERMS = Terms(owner="notifier-1", timeout_sec=15, retry_schedule_sec=(0, 5, 300))


class Scene:
    """A courier, its store and its clock; the sender answers as told and remembers."""

    def __init__(self, status_code: int = 200) -> None:
        self.clock = ManualClock()
        self.store = InMemoryDeliveryRepository()
        self.sent: list[Delivery] = []
        self.status_code = status_code
        self.while_sending: Callable[[], None] = lambda: None
        self.courier = Courier(self.store, self, self.clock, TERMS)

    async def send(self, delivery: Delivery, at: Any) -> Answer:
        self.sent.append(delivery)
        self.while_sending()
        return Answer(at=at, duration_ms=3, status_code=self.status_code, response="kept")

    async def add(self, seq: int = 7, phase: Phase = Phase.COMPLETED, **fields: Any) -> Delivery:
        delivery = Delivery(
            delivery_id=delivery_id_of("job-1", seq),
            job_id="job-1",
            owner="key-1",
            seq=seq,
            run=1,
            phase=phase,
            url="https://example.com/",
            origin="https://example.com:443",
            body=b"{}",
            created_at=self.clock.now(),
            next_attempt_at=self.clock.now(),
        ).model_copy(update=fields)
        await self.store.insert_if_absent(delivery)
        return delivery

    async def stored(self, seq: int = 7) -> Delivery:
        found = await self.store.get(delivery_id_of("job-1", seq))
        assert found is not None
        return found


async def test_a_delivered_event_is_recorded_with_its_attempt() -> None:
    scene = Scene()
    await scene.courier.deliver((await scene.add()).to_due())
    stored = await scene.stored()
    assert stored.state is DeliveryState.DELIVERED
    assert stored.attempts == [
        DeliveryAttempt(at=scene.clock.now(), status_code=200, duration_ms=3, response="kept")
    ]


async def test_a_failed_event_waits_for_its_next_attempt() -> None:
    scene = Scene(status_code=500)
    await scene.courier.deliver((await scene.add()).to_due())
    stored = await scene.stored()
    assert stored.state is DeliveryState.PENDING
    assert stored.next_attempt_at is not None
    wait = stored.next_attempt_at - scene.clock.now()
    assert timedelta(seconds=5) <= wait <= timedelta(seconds=5.5)


async def test_a_lease_outlasts_the_deadline_of_an_attempt() -> None:
    scene = Scene()
    await scene.courier.deliver((await scene.add()).to_due())
    lease = scene.sent[0].lease
    assert lease is not None
    assert lease.expires_at >= scene.clock.now() + timedelta(seconds=TERMS.timeout_sec + 5)


@pytest.mark.parametrize(
    ("phase", "state"),
    [(Phase.PROCESSING, DeliveryState.DROPPED), (Phase.FAILED, DeliveryState.SUPERSEDED)],
)
async def test_an_event_that_was_overtaken_is_not_sent(phase: Phase, state: DeliveryState) -> None:
    scene = Scene()
    older = await scene.add(7, phase)
    await scene.add(9)
    await scene.courier.deliver(older.to_due())
    assert scene.sent == []
    assert (await scene.stored(7)).state is state


async def test_nothing_follows_a_delivered_terminal_event() -> None:
    """A notifier that stalled between reading a slot and sending it finds out in time."""
    scene = Scene()
    await scene.courier.deliver((await scene.add(9)).to_due())
    await scene.courier.deliver((await scene.add(7, Phase.PROCESSING)).to_due())
    assert [delivery.seq for delivery in scene.sent] == [9]


async def test_a_job_with_an_event_in_flight_waits() -> None:
    scene = Scene()
    other = await scene.add(7, Phase.PROCESSING)
    lease = Lease(
        owner="notifier-2", token="other", expires_at=scene.clock.now() + timedelta(seconds=25)
    )
    await scene.store.claim(other.delivery_id, lease, scene.clock.now())
    terminal = (await scene.add(9)).to_due()
    assert await scene.courier.deliver(terminal) is None
    assert scene.sent == []

    scene.clock.advance(25)  # the other notifier died: one lease later the terminal event goes
    await scene.courier.deliver(terminal)
    assert [delivery.seq for delivery in scene.sent] == [9]
    assert (await scene.stored(7)).state is DeliveryState.DROPPED


async def test_an_attempt_that_could_outlast_its_lease_is_not_begun() -> None:
    scene = Scene()
    due = (await scene.add()).to_due()

    class Slow(InMemoryDeliveryRepository):
        async def higher_seq_exists(self, job_id: str, seq: int) -> bool:
            scene.clock.advance(11)  # stalled after the claim
            return False

    slow = Slow()
    slow.deliveries = scene.store.deliveries
    await Courier(slow, scene, scene.clock, TERMS).deliver(due)
    assert scene.sent == []
    stored = await scene.stored()
    assert (stored.state, stored.attempts) == (DeliveryState.PENDING, [])


async def test_five_days_after_its_creation_nothing_is_sent() -> None:
    scene = Scene()
    due = (await scene.add()).to_due()
    scene.clock.advance(5 * 86400)
    await scene.courier.deliver(due)
    assert scene.sent == []
    assert (await scene.stored()).state is DeliveryState.DEAD


async def test_a_sender_that_lost_its_lease_writes_nothing() -> None:
    scene = Scene(status_code=500)
    due = (await scene.add()).to_due()

    def take_over() -> None:
        [delivery] = scene.store.deliveries.values()
        lease = Lease(owner="notifier-2", token="other", expires_at=scene.clock.now())
        scene.store.deliveries[delivery.delivery_id] = delivery.model_copy(update={"lease": lease})

    scene.while_sending = take_over
    await scene.courier.deliver(due)
    stored = await scene.stored()
    assert stored.lease is not None
    assert stored.lease.token == "other"
    assert stored.attempts == []


async def test_an_outcome_is_recorded_as_soon_as_the_store_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_notifier.attempt.STORE_RETRY_SEC", 0)
    scene = Scene()
    failures = 3

    class Flaky(InMemoryDeliveryRepository):
        async def record(self, *args: Any, **options: Any) -> None:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise StoreUnavailable
            await super().record(*args, **options)

    flaky = Flaky()
    flaky.deliveries = scene.store.deliveries
    await Courier(flaky, scene, scene.clock, TERMS).deliver((await scene.add()).to_due())
    assert len(scene.sent) == 1
    assert (await scene.stored()).state is DeliveryState.DELIVERED
