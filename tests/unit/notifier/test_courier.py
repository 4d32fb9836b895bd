"""One attempt from claim to record, over the in-memory store and a clock moved by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
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
from secretary_notifier.courier import Courier
from secretary_notifier.courier_config import CourierConfig
from secretary_notifier.verdict import Answer

CONFIG = CourierConfig(owner="notifier-1", timeout_sec=15, retry_schedule_sec=(0, 5, 300))


class CourierHarness:
    """A courier, its store and its clock; the sender answers *status_code* and remembers."""

    def __init__(self, status_code: int = 200) -> None:
        self.clock = ManualClock()
        self.store = InMemoryDeliveryRepository()
        self.sent: list[Delivery] = []
        self.timeouts: list[float] = []
        self.error: str | None = None
        self.untried: set[str] = set()
        self.status_code = status_code
        self.lacks_key = False
        self.while_sending: Callable[[], None] = lambda: None
        self.limit = KeyedLimit(total=8, per_key=4)
        self.courier = self.courier_over(self.store)

    def courier_over(self, store: InMemoryDeliveryRepository) -> Courier:
        store.deliveries = self.store.deliveries
        return Courier(
            store,
            self,
            self.limit,
            self.clock,
            CONFIG,
            is_untried=lambda origin: origin in self.untried,
        )

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        self.sent.append(delivery)
        self.timeouts.append(timeout_sec)
        self.while_sending()
        if self.lacks_key:
            return Answer(at=at, duration_ms=0, error="secret: sealed with an unknown key")
        if self.error:
            return Answer(at=at, duration_ms=0, error=self.error)
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
    harness = CourierHarness()
    await harness.courier.deliver((await harness.add()).to_due())
    stored = await harness.stored()
    assert stored.state is DeliveryState.DELIVERED
    assert stored.attempts == [
        DeliveryAttempt(at=harness.clock.now(), status_code=200, duration_ms=3, response="kept")
    ]


async def test_a_failed_event_waits_for_its_next_attempt() -> None:
    harness = CourierHarness(status_code=500)
    await harness.courier.deliver((await harness.add()).to_due())
    stored = await harness.stored()
    assert stored.state is DeliveryState.PENDING
    assert stored.next_attempt_at is not None
    wait = stored.next_attempt_at - harness.clock.now()
    assert timedelta(seconds=5) <= wait <= timedelta(seconds=5.5)


@pytest.mark.parametrize(
    ("fields", "timeout_sec"),
    [
        ({}, 5),
        ({"tries": 1}, 15),
        ({"phase": Phase.TEST}, 15),
        ({"origin": "https://known.example:443"}, 15),
    ],
    ids=["first try", "retry", "only attempt", "known origin"],
)
async def test_the_first_request_to_an_unknown_origin_has_a_shorter_deadline(
    fields: dict[str, Any], timeout_sec: float
) -> None:
    harness = CourierHarness()
    harness.untried = {"https://example.com:443"}
    await harness.courier.deliver((await harness.add(**fields)).to_due())
    assert harness.timeouts == [timeout_sec]


async def test_what_the_notifier_lacks_costs_no_attempt_and_the_delivery_waits() -> None:
    harness = CourierHarness()
    harness.error = "shortage: Too many open files"
    verdict = await harness.courier.deliver((await harness.add()).to_due())
    stored = await harness.stored()
    assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])
    assert "Too many open files" in (stored.reason or "")
    assert stored.next_attempt_at == harness.clock.now() + timedelta(
        seconds=CONFIG.poll_interval_sec
    )
    assert verdict is not None
    assert verdict.is_for_others


async def test_a_lease_outlasts_the_deadline_of_an_attempt() -> None:
    harness = CourierHarness()
    await harness.courier.deliver((await harness.add()).to_due())
    lease = harness.sent[0].lease
    assert lease is not None
    assert lease.expires_at >= harness.clock.now() + timedelta(seconds=CONFIG.timeout_sec + 5)


@pytest.mark.parametrize(
    ("phase", "state"),
    [(Phase.PROCESSING, DeliveryState.DROPPED), (Phase.FAILED, DeliveryState.SUPERSEDED)],
)
async def test_an_overtaken_event_is_not_sent(phase: Phase, state: DeliveryState) -> None:
    harness = CourierHarness()
    older = await harness.add(7, phase)
    await harness.add(9)
    await harness.courier.deliver(older.to_due())
    assert harness.sent == []
    assert (await harness.stored(7)).state is state


async def test_no_event_is_sent_after_the_terminal_event() -> None:
    """This holds for a notifier that stalled between reading a slot and sending the event."""
    harness = CourierHarness()
    await harness.courier.deliver((await harness.add(9)).to_due())
    await harness.courier.deliver((await harness.add(7, Phase.PROCESSING)).to_due())
    assert [delivery.seq for delivery in harness.sent] == [9]


async def test_an_event_waits_while_another_event_of_its_job_is_in_flight() -> None:
    harness = CourierHarness()
    other = await harness.add(7, Phase.PROCESSING)
    lease = Lease(
        owner="notifier-2", token="other", expires_at=harness.clock.now() + timedelta(seconds=25)
    )
    await harness.store.claim([other.delivery_id], lease, harness.clock.now())
    terminal = (await harness.add(9)).to_due()
    assert await harness.courier.deliver(terminal) is None
    assert harness.sent == []

    harness.clock.advance(25)  # the other notifier died: after its lease the terminal event is sent
    await harness.courier.deliver(terminal)
    assert [delivery.seq for delivery in harness.sent] == [9]
    assert (await harness.stored(7)).state is DeliveryState.DROPPED


async def test_an_attempt_that_could_outlast_its_lease_does_not_start() -> None:
    harness = CourierHarness()
    due = (await harness.add()).to_due()

    class Slow(InMemoryDeliveryRepository):
        async def obstacles(self, *args: Any) -> list[Obstacles]:
            harness.clock.advance(11)  # stalled after the claim
            return await super().obstacles(*args)

    await harness.courier_over(Slow()).deliver(due)
    assert harness.sent == []
    stored = await harness.stored()
    assert (stored.state, stored.attempts) == (DeliveryState.PENDING, [])


async def test_five_days_after_its_creation_nothing_is_sent() -> None:
    harness = CourierHarness()
    due = (await harness.add()).to_due()
    harness.clock.advance(5 * 86400)
    await harness.courier.deliver(due)
    assert harness.sent == []
    assert (await harness.stored()).state is DeliveryState.DEAD


async def test_a_sender_that_lost_its_lease_writes_nothing() -> None:
    harness = CourierHarness(status_code=500)
    due = (await harness.add()).to_due()

    def take_over() -> None:
        [delivery] = harness.store.deliveries.values()
        lease = Lease(owner="notifier-2", token="other", expires_at=harness.clock.now())
        harness.store.deliveries[delivery.delivery_id] = delivery.model_copy(
            update={"lease": lease}
        )

    harness.while_sending = take_over
    await harness.courier.deliver(due)
    stored = await harness.stored()
    assert stored.lease is not None
    assert stored.lease.token == "other"
    assert stored.attempts == []


async def test_an_outcome_is_recorded_as_soon_as_the_store_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_notifier.courier.STORE_RETRY_SEC", 0)
    harness = CourierHarness()
    failures = 3

    class Flaky(InMemoryDeliveryRepository):
        async def record(self, *args: Any) -> list[bool]:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise StoreUnavailable
            return await super().record(*args)

    await harness.courier_over(Flaky()).deliver((await harness.add()).to_due())
    assert len(harness.sent) == 1
    assert (await harness.stored()).state is DeliveryState.DELIVERED


HOUR = 3600


async def test_after_410_later_events_of_the_key_to_the_url_stop_for_a_day() -> None:
    harness = CourierHarness(status_code=410)
    await harness.courier.deliver((await harness.add()).to_due())
    harness.status_code = 200
    harness.clock.advance(24 * HOUR - 1)
    later = await harness.add(1, delivery_id="msg_job-2_1", job_id="job-2")
    await harness.courier.deliver(later.to_due())
    assert len(harness.sent) == 1
    muted = await harness.store.get("msg_job-2_1")
    assert muted is not None
    assert (muted.state, muted.attempts) == (DeliveryState.DEAD, [])
    assert muted.reason == "the receiver answered 410 Gone to an earlier one"

    other_url = await harness.add(
        1, delivery_id="msg_job-3_1", job_id="job-3", url="https://example.com/other"
    )
    other_key = await harness.add(1, delivery_id="msg_job-4_1", job_id="job-4", owner="key-2")
    await harness.courier.deliver(other_url.to_due())
    await harness.courier.deliver(other_key.to_due())
    assert len(harness.sent) == 3

    harness.clock.advance(1)
    after = await harness.add(1, delivery_id="msg_job-9_1", job_id="job-9")
    await harness.courier.deliver(after.to_due())
    assert len(harness.sent) == 4


async def test_a_delivered_resend_unmutes_the_url() -> None:
    harness = CourierHarness(status_code=410)
    gone = await harness.add()
    await harness.courier.deliver(gone.to_due())
    harness.status_code = 200
    assert await harness.store.resend(gone.delivery_id, harness.clock.now())
    await harness.courier.deliver((await harness.stored()).to_due())
    assert (await harness.stored()).state is DeliveryState.DELIVERED
    later = await harness.add(1, delivery_id="msg_job-2_1", job_id="job-2")
    await harness.courier.deliver(later.to_due())
    assert len(harness.sent) == 3


async def test_an_event_of_an_earlier_run_is_sent_only_by_hand() -> None:
    harness = CourierHarness()
    older = await harness.add(7, Phase.FAILED)
    await harness.add(9)
    await harness.courier.deliver(older.to_due())
    assert (await harness.stored(7)).state is DeliveryState.SUPERSEDED
    await harness.store.resend(older.delivery_id, harness.clock.now())
    await harness.courier.deliver((await harness.stored(7)).to_due())
    assert [delivery.seq for delivery in harness.sent] == [7]


async def test_a_resend_restarts_the_schedule_and_the_five_days() -> None:
    harness = CourierHarness(status_code=500)
    event = await harness.add()
    for _ in range(3):
        await harness.courier.deliver((await harness.stored()).to_due())
        harness.clock.advance(HOUR)
    assert (await harness.stored()).state is DeliveryState.DEAD
    harness.clock.advance(20 * 24 * HOUR)
    assert await harness.store.resend(event.delivery_id, harness.clock.now())
    await harness.courier.deliver((await harness.stored()).to_due())
    stored = await harness.stored()
    assert (stored.state, stored.tries, len(stored.attempts)) == (DeliveryState.PENDING, 1, 4)


async def test_a_dead_event_is_removed_after_its_retention() -> None:
    harness = CourierHarness(status_code=410)
    await harness.courier.deliver((await harness.add()).to_due())
    harness.clock.advance(30 * 24 * HOUR - 1)
    assert await harness.store.remove_expired(harness.clock.now()) == 0
    harness.clock.advance(1)
    assert await harness.store.remove_expired(harness.clock.now()) == 1


@pytest.mark.parametrize("status_code", [200, 410, 500])
async def test_a_test_is_sent_once_mutes_nothing_and_removes_itself(status_code: int) -> None:
    harness = CourierHarness(status_code=status_code)
    await harness.store.mute(
        "key-1", "https://example.com/", harness.clock.now() + timedelta(days=1)
    )
    trial = await harness.add(1, Phase.TEST, delivery_id="msg_test-1_1", job_id="test-1")
    await harness.courier.deliver(trial.to_due())
    ended = await harness.store.get("msg_test-1_1")
    assert ended is not None
    delivered = status_code == 200
    assert ended.state is (DeliveryState.DELIVERED if delivered else DeliveryState.DEAD)
    assert len(harness.sent) == len(ended.attempts) == 1
    assert ended.expires_at == harness.clock.now() + CONFIG.replayable_for
    assert list(harness.store.muted) == [("key-1", "https://example.com/")]


async def test_a_claimed_event_is_given_back_without_an_attempt_when_the_breaker_opens() -> None:
    harness = CourierHarness()
    courier = Courier(
        harness.store,
        harness,
        harness.limit,
        harness.clock,
        CONFIG,
        is_paused=lambda origin: "example" in origin,
    )
    await courier.deliver((await harness.add()).to_due())
    stored = await harness.stored()
    assert harness.sent == []
    assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])


async def test_an_event_that_cannot_be_sent_soon_is_given_back_without_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_notifier.courier.SEND_PATIENCE_SEC", 0.01)
    harness = CourierHarness()
    harness.limit = KeyedLimit(total=1, per_key=1)
    courier = harness.courier_over(InMemoryDeliveryRepository())
    event = await harness.add()
    async with harness.limit.permit("https://busy.example:443"):
        await courier.deliver(event.to_due())
    stored = await harness.stored()
    assert harness.sent == []
    assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])
    await courier.deliver(stored.to_due())
    assert len(harness.sent) == 1


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.PROCESSING, Phase.TEST])
async def test_an_event_without_a_key_waits_without_an_attempt(phase: Phase) -> None:
    harness = CourierHarness()
    harness.lacks_key = True
    event = await harness.add(phase=phase)
    waits = []
    for _ in range(8):
        verdict = await harness.courier.deliver((await harness.stored()).to_due())
        stored = await harness.stored()
        assert (stored.state, stored.tries, stored.attempts) == (DeliveryState.PENDING, 0, [])
        assert "encryption_keys" in (stored.reason or "")
        assert verdict is not None
        assert verdict.is_for_others
        assert stored.next_attempt_at is not None
        waits.append((stored.next_attempt_at - harness.clock.now()).total_seconds())
        harness.clock.advance(waits[-1])
    assert waits == [5, 5, 10, 20, 40, 80, 160, 300]

    harness.lacks_key = False  # another notifier, or this one with the key
    await harness.courier.deliver(event.to_due())
    stored = await harness.stored()
    assert (stored.state, stored.reason) == (DeliveryState.DELIVERED, None)
    assert len(stored.attempts) == 1


async def test_an_event_without_a_key_for_five_days_ends_dead() -> None:
    harness = CourierHarness()
    harness.lacks_key = True
    event = await harness.add()
    harness.clock.advance(5 * 24 * HOUR)
    await harness.courier.deliver(event.to_due())
    assert (await harness.stored()).state is DeliveryState.DEAD


async def test_a_claim_whose_answer_was_lost_is_sent_as_soon_as_the_store_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_notifier.delivery_claims.STORE_RETRY_SEC", 0)
    harness = CourierHarness()
    failures = 2

    class Flaky(InMemoryDeliveryRepository):
        async def claim(self, *args: Any) -> list[Delivery | None]:
            nonlocal failures
            claimed = await super().claim(*args)
            failures -= 1
            if failures >= 0:
                raise StoreUnavailable
            return claimed

    await harness.courier_over(Flaky()).deliver((await harness.add()).to_due())
    assert len(harness.sent) == 1
    assert (await harness.stored()).state is DeliveryState.DELIVERED


async def test_a_claim_without_an_answer_is_given_up_before_its_lease_ends() -> None:
    harness = CourierHarness()

    class Silent(InMemoryDeliveryRepository):
        async def claim(self, *args: Any) -> list[Delivery | None]:
            harness.clock.advance(11)
            raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await harness.courier_over(Silent()).deliver((await harness.add()).to_due())
    assert harness.sent == []


async def claimed_at_once(harness: CourierHarness, **fields: Any) -> Delivery:
    """Store a delivery as claimed by the courier's notifier."""
    one = (await harness.add(**fields)).claimed(harness.courier.claims.new_lease())
    harness.store.deliveries[one.delivery_id] = one
    return one


async def test_a_delivery_stored_as_claimed_is_sent_and_recorded() -> None:
    harness = CourierHarness()
    await harness.courier.deliver_claimed(await claimed_at_once(harness))
    assert [each.seq for each in harness.sent] == [7]
    assert (await harness.stored()).state is DeliveryState.DELIVERED


async def test_a_progress_stored_as_claimed_after_a_later_event_is_dropped() -> None:
    harness = CourierHarness()
    await harness.add(8)
    late = await claimed_at_once(harness, seq=7, phase=Phase.PROCESSING)
    await harness.courier.deliver_claimed(late)
    assert harness.sent == []
    assert (await harness.stored()).state is DeliveryState.DROPPED


async def test_a_new_end_to_a_muted_url_is_recognized() -> None:
    harness = CourierHarness()
    end = await claimed_at_once(harness)
    checks = harness.courier.claims.obstacles_of_new_end
    assert await checks(end) == Obstacles(is_overtaken=False, is_muted=False)
    await harness.store.mute(end.owner, end.url, harness.clock.now() + timedelta(hours=1))
    assert await checks(end) == Obstacles(is_overtaken=False, is_muted=True)


async def test_an_endpoint_gets_no_end_after_an_event_of_a_later_run() -> None:
    """A retry stores no end for an endpoint that does not want ends at that time."""
    harness = CourierHarness()
    await harness.add(9, Phase.PROCESSING, endpoint_id="ep-1")
    end = await claimed_at_once(harness, seq=7, endpoint_id="ep-1")
    assert (await harness.courier.claims.obstacles_of_new_end(end)).is_overtaken


async def test_a_delivery_stored_as_claimed_long_ago_is_given_back_unsent() -> None:
    harness = CourierHarness()
    late = await claimed_at_once(harness)
    harness.clock.advance(11)
    await harness.courier.deliver_claimed(late)
    assert harness.sent == []
    assert (await harness.stored()).state is DeliveryState.PENDING
