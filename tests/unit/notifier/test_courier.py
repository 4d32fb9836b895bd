"""One attempt from claim to record, over the in-memory store and a clock moved by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    Claim,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Lease,
    Obstacles,
    Phase,
    delivery_id_of,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_notifier.courier import Courier, CourierConfig
from secretary_notifier.verdict import Answer

CONFIG = CourierConfig(owner="notifier-1", timeout_sec=15, retry_schedule_sec=(0, 5, 300))


class Scene:
    """A courier, its store and its clock; the sender answers as told and remembers."""

    def __init__(self, status_code: int = 200) -> None:
        self.clock = ManualClock()
        self.store = InMemoryDeliveryRepository()
        self.sent: list[Delivery] = []
        self.status_code = status_code
        self.lacks_key = False
        self.while_sending: Callable[[], None] = lambda: None
        self.limit = KeyedLimit(total=8, per_key=4)
        self.courier = self.courier_over(self.store)

    def courier_over(self, store: InMemoryDeliveryRepository) -> Courier:
        store.deliveries = self.store.deliveries
        return Courier(store, self, self.limit, self.clock, CONFIG)

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        self.sent.append(delivery)
        self.while_sending()
        if self.lacks_key:
            return Answer(at=at, duration_ms=0, error="secret: sealed with an unknown key")
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
        await self.store.insert_absent([delivery])
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
    assert lease.expires_at >= scene.clock.now() + timedelta(seconds=CONFIG.timeout_sec + 5)


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
    await scene.store.claim([Claim(other.delivery_id, lease)], scene.clock.now())
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
        async def obstacles(self, *args: Any) -> list[Obstacles]:
            scene.clock.advance(11)  # stalled after the claim
            return await super().obstacles(*args)

    await scene.courier_over(Slow()).deliver(due)
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
    monkeypatch.setattr("secretary_notifier.courier.STORE_RETRY_SEC", 0)
    scene = Scene()
    failures = 3

    class Flaky(InMemoryDeliveryRepository):
        async def record(self, *args: Any) -> list[bool]:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise StoreUnavailable
            return await super().record(*args)

    await scene.courier_over(Flaky()).deliver((await scene.add()).to_due())
    assert len(scene.sent) == 1
    assert (await scene.stored()).state is DeliveryState.DELIVERED


HOUR = 3600


async def test_gone_stops_later_events_to_that_url_of_that_key_for_a_day() -> None:
    scene = Scene(status_code=410)
    await scene.courier.deliver((await scene.add()).to_due())
    scene.status_code = 200
    scene.clock.advance(24 * HOUR - 1)
    later = await scene.add(1, delivery_id="msg_job-2_1", job_id="job-2")
    await scene.courier.deliver(later.to_due())
    assert len(scene.sent) == 1
    muted = await scene.store.get("msg_job-2_1")
    assert muted is not None
    assert (muted.state, muted.attempts) == (DeliveryState.DEAD, [])
    assert muted.reason == "the receiver answered 410 Gone to an earlier one"

    other_url = await scene.add(
        1, delivery_id="msg_job-3_1", job_id="job-3", url="https://example.com/other"
    )
    other_key = await scene.add(1, delivery_id="msg_job-4_1", job_id="job-4", owner="key-2")
    await scene.courier.deliver(other_url.to_due())
    await scene.courier.deliver(other_key.to_due())
    assert len(scene.sent) == 3

    scene.clock.advance(1)
    after = await scene.add(1, delivery_id="msg_job-9_1", job_id="job-9")
    await scene.courier.deliver(after.to_due())
    assert len(scene.sent) == 4


async def test_a_resend_that_is_delivered_ends_the_silence_after_410() -> None:
    scene = Scene(status_code=410)
    gone = await scene.add()
    await scene.courier.deliver(gone.to_due())
    scene.status_code = 200
    assert await scene.store.resend(gone.delivery_id, scene.clock.now())
    await scene.courier.deliver((await scene.stored()).to_due())
    assert (await scene.stored()).state is DeliveryState.DELIVERED
    later = await scene.add(1, delivery_id="msg_job-2_1", job_id="job-2")
    await scene.courier.deliver(later.to_due())
    assert len(scene.sent) == 3


async def test_a_resent_event_of_an_earlier_run_is_sent_by_hand_alone() -> None:
    scene = Scene()
    older = await scene.add(7, Phase.FAILED)
    await scene.add(9)
    await scene.courier.deliver(older.to_due())
    assert (await scene.stored(7)).state is DeliveryState.SUPERSEDED
    await scene.store.resend(older.delivery_id, scene.clock.now())
    await scene.courier.deliver((await scene.stored(7)).to_due())
    assert [delivery.seq for delivery in scene.sent] == [7]


async def test_a_resend_begins_its_schedule_and_its_five_days_anew() -> None:
    scene = Scene(status_code=500)
    event = await scene.add()
    for _ in range(3):
        await scene.courier.deliver((await scene.stored()).to_due())
        scene.clock.advance(HOUR)
    assert (await scene.stored()).state is DeliveryState.DEAD
    scene.clock.advance(20 * 24 * HOUR)
    assert await scene.store.resend(event.delivery_id, scene.clock.now())
    await scene.courier.deliver((await scene.stored()).to_due())
    stored = await scene.stored()
    assert (stored.state, stored.tries, len(stored.attempts)) == (DeliveryState.PENDING, 1, 4)


async def test_a_dead_event_is_kept_for_its_time_and_then_removed() -> None:
    scene = Scene(status_code=410)
    await scene.courier.deliver((await scene.add()).to_due())
    scene.clock.advance(30 * 24 * HOUR - 1)
    assert await scene.store.remove_expired(scene.clock.now()) == 0
    scene.clock.advance(1)
    assert await scene.store.remove_expired(scene.clock.now()) == 1


@pytest.mark.parametrize("status_code", [200, 410, 500])
async def test_a_test_is_sent_once_mutes_nothing_and_removes_itself(status_code: int) -> None:
    scene = Scene(status_code=status_code)
    await scene.store.mute("key-1", "https://example.com/", scene.clock.now() + timedelta(days=1))
    trial = await scene.add(1, Phase.TEST, delivery_id="msg_test-1_1", job_id="test-1")
    await scene.courier.deliver(trial.to_due())
    ended = await scene.store.get("msg_test-1_1")
    assert ended is not None
    delivered = status_code == 200
    assert ended.state is (DeliveryState.DELIVERED if delivered else DeliveryState.DEAD)
    assert len(scene.sent) == len(ended.attempts) == 1
    assert ended.expires_at == scene.clock.now() + CONFIG.replayable_for
    assert list(scene.store.muted) == [("key-1", "https://example.com/")]


async def test_what_was_claimed_before_the_breaker_opened_is_given_back_at_no_cost() -> None:
    scene = Scene()
    courier = Courier(
        scene.store,
        scene,
        scene.limit,
        scene.clock,
        CONFIG,
        is_paused=lambda origin: "example" in origin,
    )
    await courier.deliver((await scene.add()).to_due())
    stored = await scene.stored()
    assert scene.sent == []
    assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])


async def test_what_cannot_be_sent_soon_is_given_back_at_no_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_notifier.courier.SEND_PATIENCE_SEC", 0.01)
    scene = Scene()
    scene.limit = KeyedLimit(total=1, per_key=1)
    courier = scene.courier_over(InMemoryDeliveryRepository())
    event = await scene.add()
    async with scene.limit.permit("https://busy.example:443"):
        await courier.deliver(event.to_due())
    stored = await scene.stored()
    assert scene.sent == []
    assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])
    await courier.deliver(stored.to_due())
    assert len(scene.sent) == 1


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.PROCESSING, Phase.TEST])
async def test_what_no_key_opens_is_put_back_for_later_at_no_cost(phase: Phase) -> None:
    scene = Scene()
    scene.lacks_key = True
    event = await scene.add(phase=phase)
    waits = []
    for _ in range(8):
        verdict = await scene.courier.deliver((await scene.stored()).to_due())
        stored = await scene.stored()
        assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])
        assert "encryption_keys" in (stored.reason or "")
        assert verdict is not None
        assert verdict.is_for_others
        assert stored.next_attempt_at is not None
        waits.append((stored.next_attempt_at - scene.clock.now()).total_seconds())
        scene.clock.advance(waits[-1])
    assert waits == [5, 5, 10, 20, 40, 80, 160, 300]

    scene.lacks_key = False  # another notifier, or this one with the key
    await scene.courier.deliver(event.to_due())
    stored = await scene.stored()
    assert (stored.state, stored.reason) == (DeliveryState.DELIVERED, None)
    assert len(stored.attempts) == 1


async def test_what_no_key_opens_for_five_days_ends_dead() -> None:
    scene = Scene()
    scene.lacks_key = True
    event = await scene.add()
    scene.clock.advance(5 * 24 * HOUR)
    await scene.courier.deliver(event.to_due())
    assert (await scene.stored()).state is DeliveryState.DEAD
