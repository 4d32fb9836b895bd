"""What every store promises about endpoints: in memory, and MongoDB under both drivers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.indexed_database import ensure_indexes

from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    DeliveryRecord,
    DeliveryState,
    Endpoint,
    Lease,
    Phase,
    Refused,
    delivery_id_of,
    order_key_of,
)
from secretary_common.mongo.deliveries.endpoints import MongoEndpointRepository
from secretary_common.mongo.deliveries.repository import MongoDeliveryRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.ports import DeliveryRepository, EndpointRepository
from secretary_common.testing.api_keys import InMemoryEndpointRepository
from secretary_common.testing.deliveries import InMemoryDeliveryRepository

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def endpoint(name: str = "ep-1", **fields: Any) -> Endpoint:
    given = {"url": "https://example.com/events", "owner": "key-1", "secret": "new"}
    return Endpoint(endpoint_id=name, created_at=NOW, updated_at=NOW, **{**given, **fields})


def delivery(seq: int = 1, name: str | None = "ep-1", **fields: Any) -> Delivery:
    given = {
        "delivery_id": delivery_id_of(order_key_of("job-1", name), seq),
        "job_id": "job-1",
        "endpoint_id": name,
        "owner": "key-1",
        "seq": seq,
        "run": 1,
        "phase": Phase.COMPLETED,
        "url": "https://example.com/events",
        "origin": "https://example.com:443 ep-1",
        "secret": "old",
        "body": b"{}",
        "created_at": NOW,
        "next_attempt_at": NOW,
    }
    return Delivery.model_validate({**given, **fields})


@dataclass(frozen=True)
class Stores:
    endpoints: EndpointRepository
    deliveries: DeliveryRepository

    async def claim(self, *deliveries: Delivery, token: str = "token-1") -> list[Delivery | None]:
        await self.deliveries.insert_absent(deliveries)
        lease = Lease(owner="notifier-1", token=token, expires_at=after(25))
        return await self.deliveries.claim([each.delivery_id for each in deliveries], lease, NOW)


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    if request.param == "memory":
        memory = InMemoryEndpointRepository()
        yield Stores(memory, InMemoryDeliveryRepository(memory))
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    endpoints = MongoEndpointRepository(client.collection("endpoints"))
    deliveries = MongoDeliveryRepository(
        client.collection("deliveries"), client.collection("muted_urls"), endpoints=endpoints
    )
    yield Stores(endpoints, deliveries)
    await client.close()


async def test_an_endpoint_is_stored_changed_and_deleted(stores: Stores) -> None:
    given = endpoint(job_types=["pdf"], headers={"X-Key": "sealed"})
    await stores.endpoints.insert(given)
    assert await stores.endpoints.get("ep-1") == given
    assert await stores.endpoints.change("ep-1", {"enabled": False, "job_types": None})
    changed = given.model_copy(update={"enabled": False, "job_types": None})
    assert await stores.endpoints.many({"ep-1", "ep-2"}) == {"ep-1": changed}
    assert await stores.endpoints.delete("ep-1")
    assert not await stores.endpoints.delete("ep-1")
    assert not await stores.endpoints.change("ep-1", {"enabled": True})


async def test_endpoints_are_listed_newest_first_for_one_owner_or_for_all(stores: Stores) -> None:
    for number, owner in enumerate(["key-1", "key-2", "key-1"]):
        one = endpoint(f"ep-{number}", owner=owner)
        await stores.endpoints.insert(one.model_copy(update={"created_at": after(number)}))
    mine = [one.endpoint_id for one in await stores.endpoints.find("key-1")]
    assert mine == ["ep-2", "ep-0"]
    rest = await stores.endpoints.find(None, after=(after(2), "ep-2"), limit=1)
    assert [one.endpoint_id for one in rest] == ["ep-1"]


async def test_the_receivers_of_a_job_do_not_wait_for_one_another(stores: Stores) -> None:
    for name in ("ep-1", "ep-2"):
        await stores.endpoints.insert(endpoint(name))
    claimed = await stores.claim(delivery(), delivery(name="ep-2"), delivery(name=None))
    assert all(claimed)
    assert await stores.claim(delivery(2), token="token-2") == [None]


async def test_an_event_overtakes_only_those_for_the_same_receiver(stores: Stores) -> None:
    await stores.deliveries.insert_absent([delivery(1), delivery(2), delivery(1, name="ep-2")])
    found = await stores.deliveries.obstacles([delivery(1), delivery(1, name="ep-2")], NOW)
    assert [one.is_overtaken for one in found] == [True, False]


async def test_the_next_event_is_found_under_its_order_key(stores: Stores) -> None:
    await stores.deliveries.insert_absent([delivery(3), delivery(7, name=None)])
    found = await stores.deliveries.due_of_jobs(["job-1_ep-1"], NOW)
    due = found["job-1_ep-1"]
    assert (due.job_id, due.endpoint_id, due.seq) == ("job-1", "ep-1", 3)


async def test_a_claim_brings_the_url_secrets_and_headers_that_the_endpoint_has_now(
    stores: Stores,
) -> None:
    now: dict[str, Any] = {
        "url": "https://new.example/",
        "older_secret": "old",
        "older_until": after(1),
        "headers": {"X": "sealed"},
    }
    await stores.endpoints.insert(endpoint(**now))
    [claimed] = await stores.claim(delivery())
    assert claimed is not None
    assert (claimed.secret, claimed.older_secret, claimed.headers) == (
        "new",
        "old",
        {"X": "sealed"},
    )
    assert (claimed.url, claimed.refused) == ("https://new.example/", None)


@pytest.mark.parametrize(
    ("known", "refused"),
    [([], Refused.DELETED), ([endpoint(enabled=False)], Refused.DISABLED)],
)
async def test_a_claim_says_that_the_endpoint_takes_no_events(
    stores: Stores, known: list[Endpoint], refused: Refused
) -> None:
    for one in known:
        await stores.endpoints.insert(one)
    [claimed] = await stores.claim(delivery())
    assert claimed is not None
    assert claimed.refused is refused


@pytest.mark.parametrize("fields", [{"url": 7}, {"events": "odd"}, {"created_at": None}])
async def test_an_endpoint_with_an_unreadable_field_counts_as_disabled_until_it_is_repaired(
    mongo_url: str, database_name: str, fields: dict[str, Any]
) -> None:
    client = DatabaseClient(mongo_url, database_name, "pymongo")
    collection = client.collection("endpoints")
    endpoints = MongoEndpointRepository(collection)
    await endpoints.insert(endpoint())
    await collection.update_one({"_id": "ep-1"}, {"$set": fields})
    [known] = (await endpoints.many({"ep-1"})).values()
    assert delivery().with_current(known, NOW).refused is Refused.DISABLED
    assert [one.endpoint_id for one in await endpoints.find("key-1")] == ["ep-1"]
    await endpoints.change("ep-1", {name: getattr(endpoint(), name) for name in fields})
    assert await endpoints.get("ep-1") == endpoint()
    await client.close()


async def test_the_webhooks_of_a_job_are_listed_and_removed_with_those_of_its_endpoints(
    stores: Stores,
) -> None:
    await stores.deliveries.insert_absent([delivery(1), delivery(1, name=None), delivery(2)])
    found = await stores.deliveries.of_job("job-1", limit=2)
    assert [one.delivery_id for one in found] == ["msg_job-1_1", "msg_job-1_ep-1_1"]
    assert [one.job_id for one in found] == ["job-1", "job-1"]
    rest = await stores.deliveries.of_job("job-1", after=(1, "msg_job-1_ep-1_1"))
    assert [one.delivery_id for one in rest] == ["msg_job-1_ep-1_2"]
    assert await stores.deliveries.has_pending("job-1")
    assert not await stores.deliveries.has_pending("job")
    assert await stores.deliveries.delete_of_job("job-1") == 3


async def test_skipped_and_dead_events_of_an_endpoint_are_replayed_from_a_time(
    stores: Stores,
) -> None:
    ended = {"state": DeliveryState.SKIPPED, "next_attempt_at": None}
    early = delivery(1, **ended, created_at=after(-60))
    dead = delivery(3, **{**ended, "state": DeliveryState.DEAD})
    other = delivery(2, name="ep-2", **ended)
    await stores.deliveries.insert_absent([early, delivery(2, **ended), dead, other])
    assert await stores.deliveries.replay("ep-1", NOW, after(1), after(5)) == 2
    query = DeliveryQuery(state=DeliveryState.PENDING)
    found = await stores.deliveries.find(query)
    assert {one.seq for one in found} == {2, 3}
    assert {one.resent_at for one in found} == {after(5)}


async def test_webhooks_of_an_endpoint_are_listed_and_found_by_its_origin(stores: Stores) -> None:
    await stores.deliveries.insert_absent([delivery(), delivery(name=None), delivery(name="ep-2")])
    found = await stores.deliveries.find(DeliveryQuery(endpoint_id="ep-1"))
    assert [one.endpoint_id for one in found] == ["ep-1"]
    assert len(await stores.deliveries.find(DeliveryQuery(origin="https://example.com:443"))) == 3


async def test_a_new_url_holds_for_what_is_not_delivered_yet(stores: Stores) -> None:
    sent = delivery(2, state=DeliveryState.DELIVERED, next_attempt_at=None)
    await stores.deliveries.insert_absent([delivery(), sent])
    await stores.deliveries.redirect("ep-1", "https://new.example/", "https://new.example:443 ep-1")
    found = await stores.deliveries.find(DeliveryQuery(endpoint_id="ep-1"))
    assert {one.seq: one.url for one in found} == {
        1: "https://new.example/",
        2: "https://example.com/events",
    }


async def test_the_last_failure_of_an_endpoint_is_found(stores: Stores) -> None:
    await stores.endpoints.insert(endpoint())
    assert await stores.deliveries.last_failure("ep-1") is None
    for seq, status, seconds in ((1, 500, 1), (2, 503, 2), (3, 200, 3)):
        await stores.claim(delivery(seq), token=f"token-{seq}")
        attempt = DeliveryAttempt(at=after(seconds), status_code=status, duration_ms=1)
        name, state = delivery(seq).delivery_id, DeliveryState.DELIVERED
        record = DeliveryRecord(name, f"token-{seq}", state, attempt=attempt)
        assert await stores.deliveries.record([record]) == [True]
    found = await stores.deliveries.last_failure("ep-1")
    assert found is not None
    assert found.status_code == 503


async def test_the_search_for_the_last_failure_reads_the_answers_to_one_webhook_only(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores.endpoints.insert(endpoint())
    for seq in (1, 2, 3):
        await stores.claim(delivery(seq), token=f"token-{seq}")
        attempt = DeliveryAttempt(at=after(-seq), status_code=500, duration_ms=1, response="no")
        name, state = delivery(seq).delivery_id, DeliveryState.DEAD
        assert await stores.deliveries.record(
            [DeliveryRecord(name, f"token-{seq}", state, attempt=attempt)]
        ) == [True]
    find = Collection.find
    read: list[Any] = []

    async def noted(*given: Any, **options: Any) -> Any:
        found = await find(*given, **options)
        read.extend(one for each in found for one in each["attempts"] if "response" in one)
        return found

    monkeypatch.setattr(Collection, "find", noted)
    failure = await stores.deliveries.last_failure("ep-1")
    assert failure is not None
    assert failure.at == after(-1)
    assert len(read) <= 1
