"""The stores of the contract suites: in memory, and MongoDB under both drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from support.indexed_database import ensure_indexes

from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.batches import MongoBatchRepository
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import BatchRepository, JobRepository
from secretary_common.testing.jobs import InMemoryBatchRepository, InMemoryJobRepository


@pytest.fixture
def database_name(emptied_database_name: str) -> str:
    """The name of an empty database for this test alone."""
    return emptied_database_name


@dataclass(frozen=True)
class Stores:
    """The repositories of one store."""

    jobs: JobRepository
    batches: BatchRepository


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Yield the repositories of one store."""
    if request.param == "memory":
        jobs = InMemoryJobRepository()
        yield Stores(jobs, InMemoryBatchRepository(jobs))
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield Stores(MongoJobRepository(client.collection("jobs")), MongoBatchRepository(client))
    await client.close()


@pytest.fixture
def jobs(stores: Stores) -> JobRepository:
    """The job repository of one store."""
    return stores.jobs


@pytest.fixture
def batches(stores: Stores) -> BatchRepository:
    """The batch repository of one store."""
    return stores.batches
