"""What every delivery repository promises: the in-memory twin, and MongoDB under both drivers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretary_common.errors import StaleClaim
from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Lease,
    Phase,
    delivery_id_of,
)
from secretary_common.mongo import indexes
from secretary_common.mongo.deliveries import MongoDeliveryRepository
from secretary_common.mongo.driver import Client
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


def lease(token: str = "token-1", seconds: float = 25) -> Lease:
    return Lease(owner="notifier-1", token=token, expires_at=after(seconds))


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def deliveries(request: pytest.FixtureRequest) -> AsyncIterator[DeliveryRepository]:
    if request.param == "memory":
        yield InMemoryDeliveryRepository()
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = Client(url, name, request.param)
    await indexes.ensure(client)
    yield MongoDeliveryRepository(client.collection("deliveries"))
    await client.close()


async def test_a_delivery_comes_back_as_it_was_stored(deliveries: DeliveryRepository) -> None:
    stored = delivery(token="sealed", secret="sealed too")
    assert await deliveries.insert_if_absent(stored)
    assert await deliveries.get(stored.delivery_id) == stored
    assert await deliveries.get("msg_job-1_99") is None


async def test_the_first_insert_freezes_a_delivery(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(body=b"first"))
    assert not await deliveries.insert_if_absent(delivery(body=b"second"))
    found = await deliveries.get("msg_job-1_1")
    assert found is not None
    assert found.body == b"first"


async def test_deliveries_of_a_job_come_in_order_of_seq(deliveries: DeliveryRepository) -> None:
    for seq in (10, 2, 1):
        await deliveries.insert_if_absent(delivery(seq))
    await deliveries.insert_if_absent(delivery(1, "job-2"))
    assert [each.seq for each in await deliveries.of_job("job-1")] == [1, 2, 10]


async def test_due_gives_the_longest_due_first_and_nothing_early(
    deliveries: DeliveryRepository,
) -> None:
    for seq, seconds in ((1, 0), (2, -5), (3, 5), (4, -1)):
        job_id = f"job-{seq}"
        await deliveries.insert_if_absent(delivery(seq, job_id, next_attempt_at=after(seconds)))
    assert [each.job_id for each in await deliveries.due(NOW, 10)] == ["job-2", "job-4", "job-1"]
    assert [each.job_id for each in await deliveries.due(NOW, 1)] == ["job-2"]
    assert await deliveries.next_attempt_at(NOW) == after(5)
    assert await deliveries.next_attempt_at(after(5)) is None


async def test_full_origins_are_passed_over(deliveries: DeliveryRepository) -> None:
    for number in range(3):
        await deliveries.insert_if_absent(delivery(1, f"job-a{number}", origin="http://a:80"))
    await deliveries.insert_if_absent(delivery(1, "job-b", origin="http://b:80"))
    found = await deliveries.due(NOW, 10, except_origins=["http://a:80"])
    assert [each.job_id for each in found] == ["job-b"]


async def test_a_due_delivery_tells_what_choosing_needs(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(1, phase=Phase.PROCESSING))
    await deliveries.insert_if_absent(
        delivery(1, "job-2", attempts=[DeliveryAttempt(at=NOW, duration_ms=3, status_code=500)])
    )
    found = {each.job_id: each for each in await deliveries.due(NOW, 10)}
    assert (found["job-1"].is_terminal_event, found["job-1"].tries) == (False, 0)
    assert (found["job-2"].is_terminal_event, found["job-2"].tries) == (True, 1)
    assert found["job-2"].origin == "https://example.com:443"


async def test_the_latest_due_event_of_a_job_comes_next(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(1))
    await deliveries.insert_if_absent(delivery(2))
    await deliveries.insert_if_absent(delivery(3, next_attempt_at=after(60)))
    found = await deliveries.due_of_job("job-1", NOW)
    assert found is not None
    assert found.delivery_id == "msg_job-1_2"
    assert await deliveries.due_of_job("job-2", NOW) is None


async def test_a_claimed_delivery_is_taken_by_nobody_else(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery())
    claimed = await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert claimed is not None
    assert claimed.state is DeliveryState.SENDING
    assert claimed.lease == lease()
    assert await deliveries.claim("msg_job-1_1", lease("token-2"), NOW) is None
    assert await deliveries.due(NOW, 10) == []
    assert await deliveries.next_attempt_at(NOW) == lease().expires_at


async def test_what_is_not_due_is_not_claimed(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(next_attempt_at=after(1)))
    assert await deliveries.claim("msg_job-1_1", lease(), NOW) is None


async def test_one_delivery_of_a_job_is_in_flight_at_a_time(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(1))
    await deliveries.insert_if_absent(delivery(2))
    assert await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert await deliveries.claim("msg_job-1_2", lease("token-2"), NOW) is None
    await deliveries.record("msg_job-1_1", "token-1", DeliveryState.DELIVERED)
    assert await deliveries.claim("msg_job-1_2", lease("token-2"), NOW)


async def test_an_abandoned_delivery_is_taken_over_when_its_lease_ends(
    deliveries: DeliveryRepository,
) -> None:
    stored = delivery()
    await deliveries.insert_if_absent(stored)
    await deliveries.claim(stored.delivery_id, lease(), NOW)
    assert await deliveries.claim(stored.delivery_id, lease("token-2", 60), after(24)) is None
    assert [each.job_id for each in await deliveries.due(after(25), 10)] == ["job-1"]
    taken = await deliveries.claim(stored.delivery_id, lease("token-2", 60), after(25))
    assert taken is not None
    assert taken.body == stored.body
    with pytest.raises(StaleClaim):
        await deliveries.record(stored.delivery_id, "token-1", DeliveryState.DELIVERED)


async def test_a_recorded_retry_is_due_again_later(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery())
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
    assert await deliveries.due(after(4), 10) == []
    assert len(await deliveries.due(after(5), 10)) == 1


@pytest.mark.parametrize(
    "state",
    [
        DeliveryState.DELIVERED,
        DeliveryState.DEAD,
        DeliveryState.DROPPED,
        DeliveryState.SUPERSEDED,
    ],
)
async def test_what_has_ended_is_never_due_again(
    deliveries: DeliveryRepository, state: DeliveryState
) -> None:
    await deliveries.insert_if_absent(delivery())
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    await deliveries.record("msg_job-1_1", "token-1", state, reason="so it ended")
    found = await deliveries.get("msg_job-1_1")
    assert found is not None
    assert (found.state, found.reason, found.next_attempt_at) == (state, "so it ended", None)
    assert await deliveries.due(after(10**6), 10) == []
    assert await deliveries.next_attempt_at(NOW) is None
    assert await deliveries.claim("msg_job-1_1", lease(), after(10**6)) is None
    with pytest.raises(StaleClaim):
        await deliveries.record("msg_job-1_1", "token-1", DeliveryState.PENDING)


async def test_a_higher_seq_is_seen_whatever_came_of_it(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(5))
    await deliveries.insert_if_absent(delivery(9, "job-2"))
    assert await deliveries.higher_seq_exists("job-1", 4)
    assert not await deliveries.higher_seq_exists("job-1", 5)
    await deliveries.claim("msg_job-1_5", lease(), NOW)
    await deliveries.record("msg_job-1_5", "token-1", DeliveryState.DELIVERED)
    assert await deliveries.higher_seq_exists("job-1", 4)


async def test_an_abandoned_progress_makes_way_once_its_lease_ended(
    deliveries: DeliveryRepository,
) -> None:
    await deliveries.insert_if_absent(delivery(1, phase=Phase.PROCESSING))
    await deliveries.insert_if_absent(delivery(2))
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert not await deliveries.drop_abandoned_progress("job-1", 2, after(24))
    assert await deliveries.drop_abandoned_progress("job-1", 2, after(25))
    dropped = await deliveries.get("msg_job-1_1")
    assert dropped is not None
    assert dropped.state is DeliveryState.DROPPED
    assert await deliveries.claim("msg_job-1_2", lease("token-2", 60), after(25))


async def test_an_abandoned_terminal_event_is_not_dropped(deliveries: DeliveryRepository) -> None:
    await deliveries.insert_if_absent(delivery(1, phase=Phase.FAILED))
    await deliveries.claim("msg_job-1_1", lease(), NOW)
    assert not await deliveries.drop_abandoned_progress("job-1", 2, after(100))


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (DeliveryState.PENDING, True),
        (DeliveryState.SENDING, True),
        (DeliveryState.DELIVERED, False),
        (DeliveryState.DEAD, False),
    ],
)
async def test_a_delivery_is_pending_until_it_has_ended(
    deliveries: DeliveryRepository, state: DeliveryState, *, waits: bool
) -> None:
    await deliveries.insert_if_absent(delivery(state=DeliveryState.DELIVERED))
    await deliveries.insert_if_absent(delivery(2, state=state))
    assert await deliveries.has_pending("job-1") is waits
    assert not await deliveries.has_pending("job-2")


async def test_the_deliveries_of_a_job_are_removed_together(
    deliveries: DeliveryRepository,
) -> None:
    for seq in (1, 2):
        await deliveries.insert_if_absent(delivery(seq))
    await deliveries.insert_if_absent(delivery(1, "job-2"))
    assert await deliveries.delete_of_job("job-1") == 2
    assert await deliveries.of_job("job-1") == []
    assert len(await deliveries.of_job("job-2")) == 1
