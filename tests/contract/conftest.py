"""Every store the contract suites run over: the in-memory twin, and MongoDB under both drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from secretary_common.mongo import indexes
from secretary_common.mongo.batches import MongoBatchRepository
from secretary_common.mongo.driver import Client
from secretary_common.mongo.jobs import SecretaryJobRepository
from secretary_common.ports import BatchRepository, JobRepository
from secretary_common.testing.batches import InMemoryBatchRepository
from secretary_common.testing.jobs import InMemoryJobRepository


@dataclass(frozen=True)
class Stores:
    """Repositories over the same jobs."""

    jobs: JobRepository
    batches: BatchRepository


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """The repositories of one store."""
    if request.param == "memory":
        jobs = InMemoryJobRepository()
        yield Stores(jobs, InMemoryBatchRepository(jobs))
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = Client(url, name, request.param)
    await indexes.ensure(client)
    yield Stores(SecretaryJobRepository(client.collection("jobs")), MongoBatchRepository(client))
    await client.close()


@pytest.fixture
def jobs(stores: Stores) -> JobRepository:
    """The job repository of one store."""
    return stores.jobs


@pytest.fixture
def batches(stores: Stores) -> BatchRepository:
    """The batch repository of one store."""
    return stores.batches
