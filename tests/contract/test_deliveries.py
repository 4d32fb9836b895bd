"""What every delivery repository promises: in memory, and MongoDB under both drivers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.indexed_database import ensure_indexes

from secretary_common.models import (
    MOST_DELIVERY_ATTEMPTS,
    RESENDABLE,
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    DeliveryRecord,
    DeliveryState,
    DueDelivery,
    Lane,
    Lease,
    Obstacles,
    Phase,
    Release,
    delivery_id_of,
)
from secretary_common.mongo.deliveries.repository import MongoDeliveryRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.ports import DeliveryRepository
from secretary_common.testing.deliveries import InMemoryDeliveryRepository

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def delivery(seq: int = 1, job_id: str = "job-1", **fields: Any) -> Delivery:
    given = {
        "delivery_id": delivery_id_of(job_id, seq),
        "job_id": job_id,
        "owner": "key-1",
        "seq": seq,
        "run": 1,
        "phase": Phase.COMPLETED,
        "url": "https://example.com/hook",
        "origin": "https://example.com:443",
        "body": b'{"phase":"completed"}\x00\xff',
        "created_at": NOW,
        "next_attempt_at": NOW,
    }
    return Delivery.model_validate({**given, **fields})


class Subject:
    """A repository with shortcuts for one delivery at a time."""

    def __init__(self, repository: DeliveryRepository) -> None:
        self.repository = repository

    def __getattr__(self, name: str) -> Any:
        return getattr(self.repository, name)

    async def insert(self, one: Delivery) -> bool:
        [inserted] = await self.repository.insert_absent([one])
        return inserted is True

    async def claim(self, delivery_id: str, wanted: Lease, now: datetime) -> Delivery | None:
        [claimed] = await self.repository.claim([delivery_id], wanted, now)
        return claimed

    async def record(
        self, delivery_id: str, token: str, state: DeliveryState, **fields: Any
    ) -> bool:
        record = DeliveryRecord(delivery_id, token, state, **fields)
        [recorded] = await self.repository.record([record])
        return recorded

    async def all_due(self, now: datetime, limit: int = 10) -> list[DueDelivery]:
        lanes = await self.repository.waiting_lanes()
        return await self.repository.due(lanes, now, limit)

    async def next_due_at(self, now: datetime) -> datetime | None:
        lanes = await self.repository.waiting_lanes()
        return await self.repository.next_due_at(lanes, now)

    async def stored(self, seq: int = 1, job_id: str = "job-1") -> Delivery:
        found = await self.repository.get(delivery_id_of(job_id, seq))
        assert found is not None
        return found

    async def ended(self, state: DeliveryState, seq: int = 1, **fields: Any) -> Delivery:
        """Return a delivery that has ended in *state*."""
        one = delivery(seq, **fields)
        await self.insert(one)
        await self.claim(one.delivery_id, lease(), NOW)
        assert await self.record(one.delivery_id, "token-1", state, expires_at=after(60))
        return await self.stored(seq, one.job_id)


def lease(token: str = "token-1", seconds: float = 25) -> Lease:
    return Lease(owner="notifier-1", token=token, expires_at=after(seconds))


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def deliveries(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield Subject(InMemoryDeliveryRepository())
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield Subject(
        MongoDeliveryRepository(client.collection("deliveries"), client.collection("muted"))
    )
    await client.close()


async def test_a_delivery_comes_back_as_it_was_stored(deliveries: Subject) -> None:
    stored = delivery(token="sealed", secret="sealed too")
    assert await deliveries.insert(stored)
    assert await deliveries.get(stored.delivery_id) == stored
    assert await deliveries.get("msg_job-1_99") is None


async def short_job(deliveries: Subject) -> Delivery:
    """Insert the progress and the end of a short job; return the claimed progress."""
    end = delivery(2, next_attempt_at=after(5))
    await deliveries.insert(delivery(1, phase=Phase.PROCESSING, followed_by=2))
    await deliveries.insert(end)
    claimed = await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert claimed is not None
    return claimed


async def test_the_end_that_waits_for_a_progress_is_no_obstacle(deliveries: Subject) -> None:
    progress = await short_job(deliveries)
    [obstacles] = await deliveries.obstacles([progress], NOW)
    assert not obstacles.is_overtaken


async def test_a_progress_is_overtaken_once_its_follower_was_sent(deliveries: Subject) -> None:
    await deliveries.insert(delivery(1, phase=Phase.PROCESSING, followed_by=2))
    attempt = DeliveryAttempt(at=NOW, status_code=500, duration_ms=3)
    await deliveries.ended(DeliveryState.DEAD, seq=2)
    progress = await deliveries.stored(1)
    [obstacles] = await deliveries.obstacles([progress], NOW)
    assert obstacles.is_overtaken
    await deliveries.insert(delivery(3, job_id="job-2"))
    await deliveries.claim("msg_job-2_3", lease(), NOW)
    await deliveries.record(
        "msg_job-2_3", "token-1", DeliveryState.PENDING, attempt=attempt, next_attempt_at=after(5)
    )
    early = delivery(2, job_id="job-2", phase=Phase.PROCESSING, followed_by=3)
    await deliveries.insert(early)
    [obstacles] = await deliveries.obstacles([early], NOW)
    assert obstacles.is_overtaken


async def test_a_progress_is_overtaken_by_an_event_after_its_follower(deliveries: Subject) -> None:
    progress = await short_job(deliveries)
    await deliveries.insert(delivery(5, run=2))
    [obstacles] = await deliveries.obstacles([progress], NOW)
    assert obstacles.is_overtaken


async def test_the_record_of_a_progress_makes_the_end_due(deliveries: Subject) -> None:
    await short_job(deliveries)
    release = Release("msg_job-1_2", after(1))
    for _ in range(2):  # also a repeat
        assert await deliveries.record(
            "msg_job-1_1", "token-1", DeliveryState.DELIVERED, releases=release
        )
        assert (await deliveries.stored(2)).next_attempt_at == after(1)


async def test_a_release_delays_nothing_and_changes_no_event_that_was_sent(
    deliveries: Subject,
) -> None:
    await short_job(deliveries)
    await deliveries.record(
        "msg_job-1_1",
        "token-1",
        DeliveryState.DELIVERED,
        releases=Release("msg_job-1_2", after(9)),
    )
    assert (await deliveries.stored(2)).next_attempt_at == after(5)
    await deliveries.claim("msg_job-1_2", lease("token-2"), after(5))
    await deliveries.record(
        "msg_job-1_1", "token-1", DeliveryState.DELIVERED, releases=Release("msg_job-1_2", NOW)
    )
    assert (await deliveries.stored(2)).state is DeliveryState.SENDING


async def test_a_second_insert_leaves_a_delivery_unchanged(deliveries: Subject) -> None:
    await deliveries.insert(delivery(body=b"first"))
    assert not await deliveries.insert(delivery(body=b"second"))
    found = await deliveries.get("msg_job-1_1")
    assert found is not None
    assert found.body == b"first"


async def test_deliveries_of_a_job_are_sorted_by_seq(deliveries: Subject) -> None:
    for seq in (10, 2, 1):
        await deliveries.insert(delivery(seq))
    await deliveries.insert(delivery(1, "job-2"))
    assert [each.seq for each in await deliveries.of_job("job-1")] == [1, 2, 10]


async def test_the_deliveries_of_a_job_are_paged_without_bodies_and_secrets(
    deliveries: Subject,
) -> None:
    for seq in (4, 10, 2, 1):
        await deliveries.insert(delivery(seq, token="sealed", secret="sealed"))
    await deliveries.insert(delivery(3, "job-2"))

    async def page(after: tuple[int, str] | None) -> list[int]:
        found = await deliveries.of_job("job-1", after=after, limit=2)
        assert {(each.body, each.token, each.secret) for each in found} <= {(b"", None, None)}
        return [each.seq for each in found]

    assert await page(None) == [1, 2]
    assert await page((2, "msg_job-1_2")) == [4, 10]
    assert await page((3, "")) == [4, 10]
    assert await page((10, "~")) == []


async def test_due_returns_the_earliest_due_first_and_nothing_early(
    deliveries: Subject,
) -> None:
    for seq, seconds in ((1, 0), (2, -5), (3, 5), (4, -1)):
        job_id = f"job-{seq}"
        await deliveries.insert(delivery(seq, job_id, next_attempt_at=after(seconds)))
    assert [each.job_id for each in await deliveries.all_due(NOW, 10)] == [
        "job-2",
        "job-4",
        "job-1",
    ]
    assert [each.job_id for each in await deliveries.all_due(NOW, 1)] == ["job-2"]
    assert await deliveries.next_due_at(NOW) == after(5)
    assert await deliveries.next_due_at(after(5)) is None


async def test_each_lane_is_returned_with_its_earliest_time(deliveries: Subject) -> None:
    for number, seconds in enumerate((5, 3, 4)):
        at = after(seconds)
        await deliveries.insert(
            delivery(1, f"job-{number}", origin="http://a:80", next_attempt_at=at)
        )
    await deliveries.insert(delivery(1, "job-b", origin="http://b:80", tries=1))
    await deliveries.insert(delivery(1, "job-c", state=DeliveryState.DEAD, next_attempt_at=None))
    assert await deliveries.waiting_lanes() == {
        Lane("http://a:80", is_retry=False): after(3),
        Lane("http://b:80", is_retry=True): NOW,
    }


async def test_only_deliveries_of_the_given_lanes_are_returned(deliveries: Subject) -> None:
    for origin in "ab":
        for tries in (0, 1):
            job_id = f"job-{origin}{tries}"
            await deliveries.insert(delivery(1, job_id, origin=origin, tries=tries))
    wanted = [Lane("a", is_retry=True), Lane("b", is_retry=False)]
    found = await deliveries.repository.due(wanted, NOW, 10)
    assert [each.job_id for each in found] == ["job-b0", "job-a1"]
    assert await deliveries.repository.due([], NOW, 10) == []


async def test_retries_do_not_reduce_the_number_of_first_attempts_returned(
    deliveries: Subject,
) -> None:
    for number in range(3):
        at = after(-10)
        await deliveries.insert(delivery(1, f"job-r{number}", tries=1, next_attempt_at=at))
    await deliveries.insert(delivery(1, "job-first"))
    found = await deliveries.all_due(NOW, 2)
    assert [each.tries for each in found] == [0, 1, 1]


async def test_a_due_delivery_has_the_fields_that_choosing_needs(deliveries: Subject) -> None:
    await deliveries.insert(delivery(1, phase=Phase.PROCESSING))
    await deliveries.insert(delivery(1, "job-2", tries=1))
    found = {each.job_id: each for each in await deliveries.all_due(NOW, 10)}
    assert (found["job-1"].is_terminal_event, found["job-1"].tries) == (False, 0)
    assert (found["job-2"].is_terminal_event, found["job-2"].tries) == (True, 1)
    assert found["job-2"].origin == "https://example.com:443"


async def test_the_latest_due_event_of_each_job_is_returned(deliveries: Subject) -> None:
    await deliveries.insert(delivery(1))
    await deliveries.insert(delivery(2))
    await deliveries.insert(delivery(3, next_attempt_at=after(60)))
    await deliveries.insert(delivery(9, "job-2"))
    found = await deliveries.due_of_jobs(["job-1", "job-2", "job-3"], NOW)
    assert {job_id: due.delivery_id for job_id, due in found.items()} == {
        "job-1": "msg_job-1_2",
        "job-2": "msg_job-2_9",
    }


async def test_a_claimed_delivery_cannot_be_claimed_again(deliveries: Subject) -> None:
    await deliveries.insert(delivery())
    claimed = await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert claimed is not None
    assert claimed.state is DeliveryState.SENDING
    assert claimed.lease == lease()
    assert await deliveries.claim("msg_job-1_1", lease("token-2"), NOW) is None
    assert await deliveries.all_due(NOW, 10) == []
    assert await deliveries.next_due_at(NOW) == lease().expires_at


async def test_a_delivery_that_is_not_due_is_not_claimed(deliveries: Subject) -> None:
    await deliveries.insert(delivery(next_attempt_at=after(1)))
    assert await deliveries.claim("msg_job-1_1", lease(), NOW) is None


async def test_one_delivery_of_a_job_is_in_flight_at_a_time(deliveries: Subject) -> None:
    await deliveries.insert(delivery(1))
    await deliveries.insert(delivery(2))
    assert await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert await deliveries.claim("msg_job-1_2", lease("token-2"), NOW) is None
    await deliveries.record("msg_job-1_1", "token-1", DeliveryState.DELIVERED)
    assert await deliveries.claim("msg_job-1_2", lease("token-2"), NOW)


async def test_an_abandoned_delivery_can_be_claimed_when_its_lease_ends(
    deliveries: Subject,
) -> None:
    stored = delivery()
    await deliveries.insert(stored)
    await deliveries.claim(stored.delivery_id, lease(), NOW)
    assert await deliveries.claim(stored.delivery_id, lease("token-2", 60), after(24)) is None
    assert [each.job_id for each in await deliveries.all_due(after(25), 10)] == ["job-1"]
    taken = await deliveries.claim(stored.delivery_id, lease("token-2", 60), after(25))
    assert taken is not None
    assert taken.body == stored.body
    assert not await deliveries.record(stored.delivery_id, "token-1", DeliveryState.DELIVERED)


async def test_a_recorded_retry_is_due_again_later(deliveries: Subject) -> None:
    await deliveries.insert(delivery())
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    attempt = DeliveryAttempt(
        at=NOW, status_code=500, duration_ms=12, address="192.0.2.1", response="no"
    )
    await deliveries.record(
        "msg_job-1_1",
        "token-1",
        DeliveryState.PENDING,
        attempt=attempt,
        next_attempt_at=after(5),
    )
    found = await deliveries.get("msg_job-1_1")
    assert found is not None
    assert (found.state, found.lease, found.attempts) == (DeliveryState.PENDING, None, [attempt])
    assert found.tries == 1
    assert await deliveries.all_due(after(4), 10) == []
    assert len(await deliveries.all_due(after(5), 10)) == 1


@pytest.mark.parametrize(
    "state",
    [
        DeliveryState.DELIVERED,
        DeliveryState.DEAD,
        DeliveryState.DROPPED,
        DeliveryState.SUPERSEDED,
    ],
)
async def test_an_ended_delivery_is_never_due_again(
    deliveries: Subject, state: DeliveryState
) -> None:
    await deliveries.insert(delivery())
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    await deliveries.record("msg_job-1_1", "token-1", state, reason="so it ended")
    found = await deliveries.get("msg_job-1_1")
    assert found is not None
    assert (found.state, found.reason, found.next_attempt_at) == (state, "so it ended", None)
    assert await deliveries.all_due(after(10**6), 10) == []
    assert await deliveries.next_due_at(NOW) is None
    assert await deliveries.claim("msg_job-1_1", lease(), after(10**6)) is None
    assert not await deliveries.record("msg_job-1_1", "token-2", DeliveryState.PENDING)
    assert (await deliveries.stored()).state is state


async def test_a_later_event_overtakes_an_earlier_one_in_any_state(deliveries: Subject) -> None:
    early, late = delivery(4), delivery(5)
    for each in (early, late, delivery(9, "job-2")):
        await deliveries.insert(each)
    fine, overtaken = (Obstacles(is_overtaken=over, is_muted=False) for over in (False, True))
    assert await deliveries.obstacles([early, late], NOW) == [overtaken, fine]
    await deliveries.claim(late.delivery_id, lease(), NOW)
    await deliveries.record(late.delivery_id, "token-1", DeliveryState.DELIVERED)
    assert await deliveries.obstacles([early], NOW) == [overtaken]


async def test_an_abandoned_progress_is_dropped_once_its_lease_ended(
    deliveries: Subject,
) -> None:
    await deliveries.insert(delivery(1, phase=Phase.PROCESSING))
    await deliveries.insert(delivery(2))
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert not await deliveries.drop_abandoned_progress("job-1", 2, after(24))
    assert await deliveries.drop_abandoned_progress("job-1", 2, after(25))
    dropped = await deliveries.get("msg_job-1_1")
    assert dropped is not None
    assert dropped.state is DeliveryState.DROPPED
    assert await deliveries.claim("msg_job-1_2", lease("token-2", 60), after(25))


async def test_an_abandoned_terminal_event_is_not_dropped(deliveries: Subject) -> None:
    await deliveries.insert(delivery(1, phase=Phase.FAILED))
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert not await deliveries.drop_abandoned_progress("job-1", 2, after(100))


async def test_new_deliveries_are_stored_as_claimed_under_their_leases(deliveries: Subject) -> None:
    first, second = delivery(1, "job-1"), delivery(1, "job-2")
    leases = {first.delivery_id: lease()}
    assert await deliveries.insert_claimed([first, second], leases) == [True, False]
    assert await deliveries.stored(1, "job-1") == first.claimed(lease())
    assert await deliveries.stored(1, "job-2") == second
    assert await deliveries.claim(first.delivery_id, lease("other", 60), after(24)) is None
    assert await deliveries.claim(first.delivery_id, lease("other", 60), after(25))
    assert not await deliveries.record(first.delivery_id, "token-1", DeliveryState.DELIVERED)


async def test_a_repeat_after_a_lost_answer_holds_what_the_first_call_claimed(
    deliveries: Subject,
) -> None:
    first, second = delivery(1, "job-1"), delivery(1, "job-2")
    leases = {each.delivery_id: lease() for each in (first, second)}
    await deliveries.insert_claimed([first], leases)
    repeated = first.model_copy(update={"body": b"{}"})
    assert await deliveries.insert_claimed([repeated, second], leases) == [True, True]
    assert await deliveries.stored(1, "job-1") == first.claimed(lease())


async def test_a_delivery_that_exists_stays_as_it_is_and_is_not_claimed(
    deliveries: Subject,
) -> None:
    one = delivery()
    leases = {one.delivery_id: lease("other")}
    await deliveries.insert(one)
    assert await deliveries.insert_claimed([one], leases) == [False]
    assert await deliveries.stored() == one
    held = await deliveries.claim(one.delivery_id, lease(), NOW)
    assert await deliveries.insert_claimed([one], leases) == [False]
    assert await deliveries.stored() == held
    await deliveries.record(one.delivery_id, "token-1", DeliveryState.DELIVERED)
    assert await deliveries.insert_claimed([one], {one.delivery_id: lease()}) == [False]
    assert (await deliveries.stored()).state is DeliveryState.DELIVERED


async def test_a_new_delivery_waits_while_its_job_has_another_in_flight(
    deliveries: Subject,
) -> None:
    await deliveries.insert(delivery(1, phase=Phase.PROCESSING))
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    end, other = delivery(2), delivery(1, "job-2")
    leases = {each.delivery_id: lease("token-2") for each in (end, other)}
    assert await deliveries.insert_claimed([end, other], leases) == [False, True]
    assert await deliveries.stored(2) == end
    await deliveries.record("msg_job-1_1", "token-1", DeliveryState.DELIVERED)
    assert await deliveries.claim(end.delivery_id, lease("token-3"), NOW)


async def test_many_deliveries_are_inserted_claimed_and_recorded_each_with_its_own_outcome(
    deliveries: Subject,
) -> None:
    repository = deliveries.repository
    many = [delivery(1, f"job-{number}") for number in range(5)]
    await deliveries.insert(many[2])
    assert await repository.insert_absent(many) == [True, True, False, True, True]
    await deliveries.claim(many[1].delivery_id, lease("other"), NOW)
    twin = delivery(2, "job-3")
    await deliveries.insert(twin)

    wanted = [*many, twin]
    claimed = await repository.claim([each.delivery_id for each in wanted], lease(), NOW)
    assert [each and each.delivery_id for each in claimed] == [
        many[0].delivery_id,
        None,  # another notifier has it
        many[2].delivery_id,
        many[3].delivery_id,
        many[4].delivery_id,
        None,  # its job has another delivery in flight
    ]
    assert all(each.lease == lease() for each in claimed if each)

    records = [
        DeliveryRecord(each.delivery_id, "token-1", DeliveryState.DELIVERED) for each in many
    ]
    assert await repository.record(records) == [True, False, True, True, True]
    assert (await deliveries.stored(1, "job-1")).state is DeliveryState.SENDING


async def test_a_delivery_keeps_its_last_attempts_however_often_it_is_sent(
    deliveries: Subject,
) -> None:
    made = [
        DeliveryAttempt(at=after(number), status_code=500, duration_ms=number)
        for number in range(MOST_DELIVERY_ATTEMPTS + 1)
    ]
    await deliveries.insert(delivery(attempts=made[:-1]))
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    await deliveries.record("msg_job-1_1", "token-1", DeliveryState.DEAD, attempt=made[-1])
    assert (await deliveries.stored()).attempts == made[1:]


async def test_a_record_may_be_repeated_after_a_lost_answer(deliveries: Subject) -> None:
    await deliveries.insert(delivery())
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    attempt = DeliveryAttempt(at=NOW, status_code=200, duration_ms=1)
    for _ in range(2):
        assert await deliveries.record(
            "msg_job-1_1", "token-1", DeliveryState.DELIVERED, attempt=attempt
        )
    assert (await deliveries.stored()).attempts == [attempt]


async def test_a_url_that_answered_410_is_muted_for_that_key_only_and_for_a_time(
    deliveries: Subject,
) -> None:
    same, other_url = delivery(), delivery(2, "job-2", url="https://example.com/other")
    other_key = delivery(3, "job-3", owner="key-2")
    await deliveries.mute("key-1", same.url, after(60))

    async def muted(now: datetime) -> list[bool]:
        found = await deliveries.obstacles([same, other_url, other_key], now)
        return [each.is_muted for each in found]

    assert await muted(NOW) == [True, False, False]
    assert await muted(after(60)) == [False, False, False]
    await deliveries.unmute("key-1", same.url)
    assert await muted(NOW) == [False, False, False]


@pytest.mark.parametrize("state", sorted(RESENDABLE - {DeliveryState.PENDING}))
async def test_an_ended_delivery_can_be_resent_with_a_new_schedule(
    deliveries: Subject, state: DeliveryState
) -> None:
    before = await deliveries.ended(state)
    assert before.expires_at == after(60)
    assert await deliveries.resend(before.delivery_id, after(5))
    again = await deliveries.stored()
    assert again == before.model_copy(
        update={
            "state": DeliveryState.PENDING,
            "next_attempt_at": after(5),
            "resent_at": after(5),
            "tries": 0,
            "expires_at": None,
        }
    )
    assert [each.delivery_id for each in await deliveries.all_due(after(5))] == [before.delivery_id]


async def test_a_delivery_that_waits_for_a_retry_is_resent_now(deliveries: Subject) -> None:
    await deliveries.insert(delivery(tries=3, next_attempt_at=after(3600)))
    assert await deliveries.resend("msg_job-1_1", after(1))
    [due] = await deliveries.all_due(after(1))
    assert (due.tries, due.lane.is_retry) == (0, False)


async def test_a_delivery_in_flight_dropped_or_unknown_is_not_resent(deliveries: Subject) -> None:
    await deliveries.insert(delivery())
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert not await deliveries.resend("msg_job-1_1", NOW)
    dropped = await deliveries.ended(DeliveryState.DROPPED, 1, job_id="job-2")
    assert not await deliveries.resend(dropped.delivery_id, NOW)
    assert not await deliveries.resend("msg_job-9_1", NOW)


async def test_recover_resends_the_dead_deliveries_of_an_owner_in_a_time_span(
    deliveries: Subject,
) -> None:
    for job_id, seconds, owner in (
        ("job-before", -1, "key-1"),
        ("job-first", 0, "key-1"),
        ("job-last", 9, "key-1"),
        ("job-after", 10, "key-1"),
        ("job-other", 5, "key-2"),
    ):
        at = after(seconds)
        await deliveries.ended(DeliveryState.DEAD, job_id=job_id, created_at=at, owner=owner)
    await deliveries.ended(DeliveryState.DELIVERED, job_id="job-fine")
    assert await deliveries.recover(NOW, after(10), after(20), owner="key-1") == 2
    due = {each.job_id for each in await deliveries.all_due(after(20))}
    assert due == {"job-first", "job-last"}
    assert await deliveries.recover(after(-100), after(100), after(20)) == 3


async def test_a_failed_test_of_a_receiver_is_not_a_dead_webhook(deliveries: Subject) -> None:
    test = await deliveries.ended(DeliveryState.DEAD, job_id="test-1", phase=Phase.TEST)
    await deliveries.ended(DeliveryState.DEAD, job_id="job-1")

    async def listed(**query: Any) -> set[str]:
        return {each.job_id for each in await deliveries.find(DeliveryQuery(**query))}

    assert await listed(state=DeliveryState.DEAD) == {"job-1"}
    assert await listed() == {"job-1", "test-1"}
    assert (await deliveries.counts())["dead"] == 1
    assert await deliveries.recover(after(-1), after(1), after(2)) == 1
    assert await deliveries.stored(1, "test-1") == test


async def test_a_listing_is_newest_first_filtered_and_paged(deliveries: Subject) -> None:
    repository = deliveries.repository
    for number in range(5):
        at = after(number // 2)
        await deliveries.ended(DeliveryState.DEAD, job_id=f"job-{number}", created_at=at)
    await deliveries.insert(delivery(1, "job-waits", token="sealed", secret="sealed"))
    await deliveries.insert(delivery(1, "job-other", owner="key-2", created_at=after(-5)))

    async def listed(**query: Any) -> list[str]:
        return [each.job_id for each in await repository.find(DeliveryQuery(**query))]

    everything = ["job-4", "job-3", "job-2", "job-waits", "job-1", "job-0", "job-other"]
    assert await listed() == everything
    assert await listed(owner="key-1") == everything[:-1]
    assert await listed(owner="key-1", state=DeliveryState.DEAD, limit=3) == everything[:3]
    page = await repository.find(DeliveryQuery(limit=2))
    last = (page[-1].created_at, page[-1].delivery_id)
    assert await listed(after=last) == everything[2:]
    waiting = await repository.find(DeliveryQuery(state=DeliveryState.PENDING))
    assert {(each.body, each.token, each.secret) for each in waiting} == {(b"", None, None)}


async def test_counts_are_exact_for_one_owner_or_for_all(deliveries: Subject) -> None:
    await deliveries.insert(delivery(1, "job-waits"))
    await deliveries.insert(delivery(1, "job-sent"))
    await deliveries.claim("msg_job-sent_1", lease(), NOW)
    await deliveries.ended(DeliveryState.DEAD, job_id="job-dead")
    await deliveries.ended(DeliveryState.DELIVERED, job_id="job-fine")
    await deliveries.ended(DeliveryState.DEAD, job_id="job-other", owner="key-2")
    assert await deliveries.counts("key-1") == {"pending": 2, "dead": 1}
    assert await deliveries.counts(None) == {"pending": 2, "dead": 2}
    assert await deliveries.counts("key-3") == {"pending": 0, "dead": 0}


async def test_a_job_has_pending_deliveries_until_all_have_ended(deliveries: Subject) -> None:
    assert not await deliveries.has_pending("job-1")
    await deliveries.insert(delivery())
    assert await deliveries.has_pending("job-1")
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert await deliveries.has_pending("job-1")
    await deliveries.record("msg_job-1_1", "token-1", DeliveryState.DEAD)
    assert not await deliveries.has_pending("job-1")


async def test_all_deliveries_of_a_job_are_removed_or_all_but_the_resendable_ones(
    deliveries: Subject,
) -> None:
    await deliveries.ended(DeliveryState.DEAD, 1)
    await deliveries.ended(DeliveryState.DEAD, 2, job_id="job-2")
    await deliveries.insert(delivery(3))
    assert await deliveries.delete_of_job("job-1", spare_until=after(59)) == 1
    assert [each.seq for each in await deliveries.of_job("job-1")] == [1]
    assert await deliveries.delete_of_job("job-1", spare_until=after(60)) == 1
    assert await deliveries.delete_of_job("job-2") == 1
    assert await deliveries.delete_of_job("job-2") == 0


async def test_only_expired_deliveries_are_removed(deliveries: Subject) -> None:
    await deliveries.ended(DeliveryState.DEAD)
    await deliveries.insert(delivery(1, "job-2"))
    assert await deliveries.remove_expired(after(59)) == 0
    assert await deliveries.remove_expired(after(60)) == 1
    assert await deliveries.get("msg_job-1_1") is None
    assert await deliveries.get("msg_job-2_1") is not None


async def test_a_claim_may_be_repeated_after_a_lost_answer(deliveries: Subject) -> None:
    await deliveries.insert(delivery())
    await deliveries.insert(delivery(1, "job-2"))
    first = await deliveries.claim("msg_job-1_1", lease(), NOW)
    again = await deliveries.repository.claim(["msg_job-1_1", "msg_job-2_1"], lease(), NOW)
    assert again == [first, await deliveries.stored(1, "job-2")]
    assert first is not None
    assert first.lease == lease()


async def test_deliveries_of_a_receiver_are_listed_by_pages(deliveries: Subject) -> None:
    for number in range(5):
        origin = "https://example.com:443" if number % 2 else "https://other.com:443"
        await deliveries.insert(delivery(1, f"job-{number}", origin=origin))
    query = DeliveryQuery(origin="https://other.com:443", limit=2)
    page, place = await deliveries.find_page(query)
    assert [one.job_id for one in page] == ["job-4", "job-2"]
    page, place = await deliveries.find_page(
        DeliveryQuery(origin="https://other.com:443", limit=2, after=place)
    )
    assert ([one.job_id for one in page], place) == (["job-0"], None)


async def test_a_muted_url_says_until_when_for_its_owner_alone(deliveries: Subject) -> None:
    mine, theirs = delivery(), delivery(1, "job-2", owner="key-2")
    await deliveries.mute("key-1", mine.url, after(60))
    assert await deliveries.muted_until([mine, theirs], NOW) == [after(60), None]
    assert await deliveries.muted_until([mine], after(61)) == [None]
