from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.api_harness import Api, running_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        yield api


@pytest.fixture(scope="session")
def document() -> Any:
    """The OpenAPI document as clients get it. FastAPI takes 0.2 s to make it."""

    async def served() -> Any:
        async with running_api() as api:
            answer = await api.get("/openapi.json", key=None)
        assert answer.status_code == 200
        return answer.json()

    return asyncio.run(served())
