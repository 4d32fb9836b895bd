"""The stores of the contract suites: in memory, and MongoDB under both drivers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from pymongo import MongoClient

from secretary_common.mongo import indexes
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.batches import MongoBatchRepository
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import BatchRepository, JobRepository
from secretary_common.testing.jobs import InMemoryBatchRepository, InMemoryJobRepository

# Of Secretary's own database; a database with more belongs to a test that created others.
MOST_COLLECTIONS = 20


@pytest.fixture(scope="session")
def emptied_databases() -> list[str]:
    """Return the names of empty databases that have all their indexes, left by earlier tests."""
    return []


@pytest.fixture
def database_name(mongo_url: str, emptied_databases: list[str]) -> Iterator[str]:
    """Yield the name of an empty database for this test alone.

    Emptying a database takes a tenth of the time of creating its indexes.
    """
    name = emptied_databases.pop() if emptied_databases else f"test_{uuid.uuid4().hex}"
    yield name
    client: MongoClient[dict[str, object]]
    with MongoClient(mongo_url) as client:
        collections = client[name].list_collection_names()
        if len(collections) > MOST_COLLECTIONS or "system.profile" in collections:
            client.drop_database(name)
            return
        for collection in collections:
            client[name][collection].delete_many({})
    emptied_databases.append(name)


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
    await indexes.ensure(client)
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
