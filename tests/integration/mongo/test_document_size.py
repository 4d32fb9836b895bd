"""A job whose parameters leave no room for its settlement is refused before the insert."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.indexed_database import ensure_indexes
from support.job_samples import NOW, make_job

from secretary_common.errors import NotStorable
from secretary_common.models import Batch
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.document import LARGEST_PARAMETERS_BYTES
from secretary_common.mongo.store import Store


@pytest.fixture(params=["motor", "pymongo"])
async def store(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[Store]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    await ensure_indexes(client)
    yield Store(client)
    await client.close()


async def test_a_job_with_too_large_parameters_is_refused(store: Store) -> None:
    large = make_job(parameters={"text": "x" * LARGEST_PARAMETERS_BYTES})
    with pytest.raises(NotStorable):
        await store.jobs.insert(large)
    batch = Batch(batch_id="batch-1", owner="key-1", job_ids=["job-1"], created_at=NOW)
    with pytest.raises(NotStorable):
        await store.batches.insert(batch, [large])
    assert await store.jobs.get("job-1") is None
    assert await store.batches.get("batch-1") is None
