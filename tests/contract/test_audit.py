"""What every store promises about the audit, the use of keys, and reports of receivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, after

from secretary_common.models import ApiKey, AuditEntry, ReceiverState
from secretary_common.mongo.api_keys import MongoAuditRepository, MongoKeyRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.processes import MongoNotifierRepository
from secretary_common.ports import AuditRepository, KeyRepository, NotifierRepository
from secretary_common.testing.api_keys import InMemoryAuditRepository, InMemoryKeyRepository
from secretary_common.testing.processes import InMemoryNotifierRepository


@dataclass(frozen=True)
class Stores:
    """The repositories of one store."""

    audit: AuditRepository
    keys: KeyRepository
    notifiers: NotifierRepository


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Yield the repositories of one store."""
    if request.param == "memory":
        yield Stores(
            InMemoryAuditRepository(), InMemoryKeyRepository(), InMemoryNotifierRepository()
        )
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield Stores(
        MongoAuditRepository(client.collection("audit")),
        MongoKeyRepository(client.collection("api_keys")),
        MongoNotifierRepository(client.collection("notifiers")),
    )
    await client.close()


def entry(number: int, key_id: str = "key-1") -> AuditEntry:
    return AuditEntry(
        entry_id=f"audit-{number}",
        created_at=after(number // 2),  # two in each second
        key_id=key_id,
        action="key.create",
        details={"n": number},
    )


async def test_entries_are_listed_newest_first_by_pages_and_by_key(stores: Stores) -> None:
    for number in range(5):
        await stores.audit.add(entry(number, f"key-{number % 2}"))
    page = await stores.audit.find(None, after=None, limit=3)
    assert page == [entry(4, "key-0"), entry(3, "key-1"), entry(2, "key-0")]
    last = (page[-1].created_at, page[-1].entry_id)
    assert await stores.audit.find(None, after=last, limit=3) == [
        entry(1, "key-1"),
        entry(0, "key-0"),
    ]
    assert len(await stores.audit.find("key-1", after=None, limit=9)) == 2


async def test_the_use_of_a_key_is_stored_and_an_unknown_key_is_not_made(stores: Stores) -> None:
    await stores.keys.insert(ApiKey("k1", "d", "n"))
    await stores.keys.touch("k1", NOW)
    await stores.keys.touch("k2", NOW)
    [key] = await stores.keys.all()
    assert key.last_used_at == NOW


async def test_living_notifiers_report_receivers(stores: Stores) -> None:
    state = ReceiverState(origin="https://x.org:443", open_until=after(30), failures=10)
    facts = {"receivers": [state.model_dump(exclude_none=True)]}
    await stores.notifiers.report("n1", NOW, facts)
    await stores.notifiers.report("n2", after(-60), facts)
    assert await stores.notifiers.receivers(after(-15)) == [state]
    await stores.notifiers.report("n1", NOW, {"receivers": []})
    assert await stores.notifiers.receivers(after(-15)) == []
