"""Unreadable deliveries become dead; deliveries of a newer version are left alone.

The rule concerns documents, so the suite runs over MongoDB under both drivers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.indexed_database import ensure_indexes
from support.stored_samples import waiting_delivery

from secretary_common.models import Delivery, DeliveryQuery, Lane, Lease
from secretary_common.mongo.deliveries.repository import MongoDeliveryRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.removal import MongoRemovalRepository
from secretary_common.runtime.clock import ManualClock

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RETENTION = timedelta(days=7)
LANE = Lane("https://example.com", is_retry=True)


@dataclass(frozen=True)
class Raw:
    """The deliveries as documents, and the repositories over them."""

    collection: Collection
    deliveries: MongoDeliveryRepository
    removal: MongoRemovalRepository

    async def insert(self, name: str, **fields: Any) -> None:
        """Insert a waiting delivery with some *fields* as they would never be written."""
        document = {**waiting_delivery(NOW, "https://example.com/hook"), "_id": name}
        await self.collection.insert_one({**document, "job_id": f"job-{name}", **fields})

    async def stored(self, name: str) -> Document:
        found = await self.collection.find_one({"_id": name})
        assert found is not None
        return found

    async def claim(self, *names: str) -> list[Delivery | None]:
        lease = Lease(owner="n", token="t", expires_at=NOW + timedelta(seconds=30))
        return await self.deliveries.claim(names, lease, NOW)


@pytest.fixture(params=["motor", "pymongo"])
async def raw(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[Raw]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    await ensure_indexes(client)
    collection, clock = client.collection("deliveries"), ManualClock(NOW)
    deliveries = MongoDeliveryRepository(
        collection, client.collection("muted_urls"), clock, RETENTION
    )
    yield Raw(collection, deliveries, MongoRemovalRepository(client, clock, RETENTION))
    await client.close()


@pytest.mark.parametrize("fields", [{"tries": "1"}, {"seq": "9"}, {"owner": 7}])
async def test_an_unreadable_due_delivery_is_dead_and_the_others_are_found(
    raw: Raw, fields: Document
) -> None:
    await raw.insert("odd", **fields)
    await raw.insert("good")
    assert [due.delivery_id for due in await raw.deliveries.due([LANE], NOW, 9)] == ["good"]
    stored = await raw.stored("odd")
    [name] = fields
    assert (stored["state"], stored["unreadable"]["fields"]) == ("dead", fields)
    assert stored["reason"].startswith("UNREADABLE")
    assert name in stored["reason"]
    assert stored["expires_at"] == NOW + RETENTION
    assert not await raw.deliveries.resend("odd", NOW)
    assert [each.delivery_id for each in await raw.deliveries.find(DeliveryQuery())]


async def test_an_unreadable_delivery_is_dead_once_claimed_and_the_others_are_claimed(
    raw: Raw,
) -> None:
    await raw.insert("odd", attempts="none")
    await raw.insert("good")
    odd, good = await raw.claim("odd", "good")
    assert odd is None
    assert good is not None
    assert (await raw.stored("odd"))["state"] == "dead"


@pytest.mark.parametrize(
    "fields", [{"origin": 7}, {"next_attempt_at": "soon"}, {"state": 5}, {"is_retry": None}]
)
async def test_a_delivery_that_no_query_finds_is_dead_or_repaired(
    raw: Raw, fields: Document
) -> None:
    await raw.insert("odd", **fields)
    await raw.insert("good")
    assert set(await raw.deliveries.waiting_lanes()) == {LANE}
    assert await raw.removal.set_aside_hidden(9) == 1
    assert await raw.removal.set_aside_hidden(9) == 0
    stored = await raw.stored("odd")
    is_repaired = "is_retry" in fields
    assert (stored["state"], stored.get("is_retry")) == ("pending" if is_repaired else "dead", True)


@pytest.mark.parametrize("fields", [{"phase": "started"}, {"state": "queued"}])
async def test_a_delivery_of_a_newer_version_is_only_shown(raw: Raw, fields: Document) -> None:
    await raw.insert("newer", **fields, expires_at=NOW)
    before = await raw.stored("newer")
    assert await raw.deliveries.due([LANE], NOW, 9) == []
    assert await raw.deliveries.due_of_jobs({"job-newer"}, NOW) == {}
    assert await raw.claim("newer") == [None]
    assert await raw.removal.set_aside_hidden(9) == 0
    assert not await raw.deliveries.resend("newer", NOW)
    assert await raw.deliveries.remove_expired(NOW) == 0
    assert await raw.deliveries.delete_of_job("job-newer") == 0
    [shown] = await raw.deliveries.find(DeliveryQuery())
    assert [getattr(shown, name) for name in fields] == list(fields.values())
    assert await raw.stored("newer") == before


async def test_events_of_mixed_types_are_compared(raw: Raw) -> None:
    await raw.insert("odd", job_id="job-1", seq="9")
    await raw.insert("good", job_id="job-1")
    good = await raw.deliveries.get("good")
    assert good is not None
    [found] = await raw.deliveries.obstacles([good], NOW)
    assert not found.is_overtaken
