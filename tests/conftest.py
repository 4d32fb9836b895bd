"""Fixtures that provide real servers, for all tests.

The servers are those of ``SECRETARY_TEST_MONGO_URL`` and ``SECRETARY_TEST_AMQP_URL``, else
containers if an engine runs and has or can pull the images, else local processes. If a server
cannot be started, the test fails; it is never skipped.
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

# The duration of an example depends on the machine more than on the code.
settings.register_profile("secretary", deadline=None)
settings.load_profile("secretary")


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A replica set for the whole session; ``database_name`` gives a test its own database."""
    with ExitStack() as running:
        url = os.environ.get("SECRETARY_TEST_MONGO_URL")
        if not url and container.can_run(container.MONGO_IMAGE):
            url = running.enter_context(container.mongo())
        if not url:
            url = running.enter_context(ReplicaSet(tmp_path_factory.mktemp("mongo"))).url
        yield url


@pytest.fixture(scope="session")
def amqp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker for the whole session; a test that stops the broker uses ``own_broker`` instead."""
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
    """The name of a database for this test only; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    _mongo_client.drop_database(name)


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A local broker for this test only; the test may stop, start and kill it."""
    with RabbitMQ(tmp_path_factory.mktemp("own-rabbitmq")) as broker:
        yield broker
