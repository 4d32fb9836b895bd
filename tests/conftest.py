"""Fixtures that provide real servers, for all tests.

Where the servers come from, ``secretary_devstack.servers.source`` decides, as for the demo. If a
server cannot be started, the test fails; it is never skipped.
"""

from __future__ import annotations

import gc
import uuid
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings
from pymongo import MongoClient

from secretary_devstack.servers.node_client import NodeClient
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.servers.source import MONGO, RABBITMQ, running

# The duration of an example depends on the machine more than on the code.
settings.register_profile("secretary", deadline=None)
settings.load_profile("secretary")


# Of Secretary's own database; a database with more belongs to a test that created others.
MOST_COLLECTIONS = 20


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Freeze the collected tests and their modules, which stay until the end.

    Otherwise, the garbage collector visits all of them in each full round, for half a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A replica set for the whole session; ``database_name`` gives a test its own database."""
    with running(MONGO, tmp_path_factory.mktemp("mongo")) as server:
        yield server.url


@pytest.fixture(scope="session")
def amqp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker for the whole session; a test that stops the broker uses ``own_broker`` instead."""
    with running(RABBITMQ, tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server.url


@pytest.fixture(scope="session")
def _mongo_client(mongo_url: str) -> Iterator[NodeClient]:
    client: NodeClient = MongoClient(mongo_url)
    with client:
        yield client


@pytest.fixture
def database_name(_mongo_client: NodeClient) -> Iterator[str]:
    """The name of a database for this test only; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    _mongo_client.drop_database(name)


@pytest.fixture(scope="session")
def _emptied_databases() -> list[str]:
    """The names of empty databases that have all their indexes, left by earlier tests."""
    return []


@pytest.fixture
def emptied_database_name(
    _mongo_client: NodeClient, _emptied_databases: list[str]
) -> Iterator[str]:
    """The name of an empty database for this test alone, which may have its indexes already.

    Emptying a database takes a tenth of the time of creating its indexes.
    """
    name = _emptied_databases.pop() if _emptied_databases else f"test_{uuid.uuid4().hex}"
    yield name
    collections = _mongo_client[name].list_collection_names()
    if len(collections) > MOST_COLLECTIONS or "system.profile" in collections:
        _mongo_client.drop_database(name)
        return
    for collection in collections:
        _mongo_client[name][collection].delete_many({})
    _emptied_databases.append(name)


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A local broker for this test only; the test may stop, start and kill it."""
    with RabbitMQ(tmp_path_factory.mktemp("own-rabbitmq")) as broker:
        yield broker
