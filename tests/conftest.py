"""The one set of fixtures that provides real servers.

Those named by ``SECRETARY_TEST_MONGO_URL`` and ``SECRETARY_TEST_AMQP_URL``; else containers, where
an engine answers and has or can pull the images; else local processes. A server that cannot be had
is an error, never a skip.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings
from pymongo import MongoClient

from secretary_devstack.servers import container
from secretary_devstack.servers.mongod import Client, ReplicaSet
from secretary_devstack.servers.rabbitmq import RabbitMQ

# How long an example takes says more of the machine than of the code.
settings.register_profile("secretary", deadline=None)
settings.load_profile("secretary")


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A replica set for the whole session; take ``database_name`` for data of your own."""
    with ExitStack() as running:
        url = os.environ.get("SECRETARY_TEST_MONGO_URL")
        if not url and container.can_run(container.MONGO_IMAGE):
            url = running.enter_context(container.mongo())
        if not url:
            url = running.enter_context(ReplicaSet(tmp_path_factory.mktemp("mongo"))).url
        yield url


@pytest.fixture(scope="session")
def amqp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker for the whole session; who stops it takes ``own_broker`` instead."""
    with ExitStack() as running:
        url = os.environ.get("SECRETARY_TEST_AMQP_URL")
        if not url and container.can_run(container.RABBITMQ_IMAGE):
            url = running.enter_context(container.rabbitmq())
        if not url:
            url = running.enter_context(RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))).url
        yield url


@pytest.fixture(scope="session")
def _mongo_client(mongo_url: str) -> Iterator[Client]:
    client: Client = MongoClient(mongo_url)
    with client:
        yield client


@pytest.fixture
def database_name(_mongo_client: Client) -> Iterator[str]:
    """The name of a database that is this test's alone and dropped after it."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    _mongo_client.drop_database(name)


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A local broker that this test may stop, start and kill."""
    with RabbitMQ(tmp_path_factory.mktemp("own-rabbitmq")) as broker:
        yield broker
