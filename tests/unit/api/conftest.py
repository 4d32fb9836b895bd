from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.api_harness import Api, running_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        yield api
