"""A client of the API, and a process of the API, over a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from support.api_over_mongo import api_over
from support.api_process import service_over

from secretary_devstack.processes.service import Service


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
    service = service_over(mongo_url, database_name, tmp_path)
    try:
        service.start()
        yield service
    finally:
        service.stop()
