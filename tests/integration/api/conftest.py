"""A client of the API, and a process of the API, over a database of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from support.api_over_mongo import api_over
from support.api_process import running_service

from secretary_devstack.processes.service import Service
from secretary_devstack.servers.node_client import NodeClient


@pytest.fixture
def database_name(emptied_database_name: str) -> str:
    """The name of an empty database for this test alone."""
    return emptied_database_name


@pytest.fixture
async def client(mongo_url: str, database_name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with api_over(mongo_url, database_name) as client:
        yield client


@pytest.fixture
def service(mongo_url: str, database_name: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(mongo_url, database_name, tmp_path) as service:
        yield service


@pytest.fixture(scope="module")
def shared_database_name(_mongo_client: NodeClient) -> Iterator[str]:
    """The name of a database for the tests of a module; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    _mongo_client.drop_database(name)


@pytest.fixture(scope="module")
def shared_service(
    mongo_url: str, shared_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service for the tests of a module that leave it as it was: a start takes 1 s of CPU."""
    folder = tmp_path_factory.mktemp("shared-service")
    with running_service(mongo_url, shared_database_name, folder) as service:
        yield service
