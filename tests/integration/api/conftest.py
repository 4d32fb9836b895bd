"""A client of the API over a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from support.api_over_mongo import api_over


@pytest.fixture
async def client(mongo_url: str, database_name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with api_over(mongo_url, database_name) as client:
        yield client
