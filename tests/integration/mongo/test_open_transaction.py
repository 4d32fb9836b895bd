"""A worker that is killed in the transaction of a claim leaves the transaction open for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pymongo import AsyncMongoClient
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, TYPES, lease, make_job

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver import transaction
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.limited_claims import TURNSTILE
from secretary_common.mongo.store import Store


@pytest.fixture(params=["motor", "pymongo"])
async def store(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[Store]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    await ensure_indexes(client)
    yield Store(client)
    await client.close()


async def claim(store: Store, job_id: str, owner: str) -> list[str]:
    await store.jobs.insert(make_job(job_id, owner=owner))
    return await claim_again(store, job_id, owner)


async def claim_again(store: Store, job_id: str, owner: str) -> list[str]:
    claimed = await store.jobs.claim_within([job_id], lease(), NOW, TYPES, owner=owner, most=5)
    return [job.job_id for job in claimed]


async def test_only_claims_for_its_own_key_fail_while_a_transaction_is_open(
    store: Store, mongo_url: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in ("stuck", "other"):
        assert await claim(store, f"job-1-{owner}", owner)
    killed: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(mongo_url)
    async with killed, killed.start_session() as session:
        await session.start_transaction()
        change = {"$inc": {"entered": 1}}
        counters = killed[database_name][TURNSTILE]
        await counters.update_one({"_id": "stuck"}, change, session=session)
        with monkeypatch.context() as patched:
            patched.setattr(transaction, "OPERATION_TIMEOUT_MS", 500)
            with pytest.raises(StoreUnavailable):
                await claim(store, "job-2-stuck", "stuck")
        assert await claim(store, "job-2-other", "other") == ["job-2-other"]
        await session.abort_transaction()
    assert await claim_again(store, "job-2-stuck", "stuck") == ["job-2-stuck"]
