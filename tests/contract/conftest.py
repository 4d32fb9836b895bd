"""Every store the contract suites run over: the in-memory twin, and MongoDB under both drivers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from pymongo import MongoClient

from secretary_common.mongo import indexes
from secretary_common.mongo.driver import Client
from secretary_common.mongo.jobs.batches import MongoBatchRepository
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import BatchRepository, JobRepository
from secretary_common.testing.jobs import InMemoryBatchRepository, InMemoryJobRepository

# Of a database of ours; one with more had a test that made some of its own.
MOST_COLLECTIONS = 20


@pytest.fixture(scope="session")
def emptied_databases() -> list[str]:
    """The names of databases that a test has had: empty, with all their indexes."""
    return []


@pytest.fixture
def database_name(mongo_url: str, emptied_databases: list[str]) -> Iterator[str]:
    """The name of an empty database that is this test's alone.

    Emptying one takes a tenth of the time that making its indexes does.
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
