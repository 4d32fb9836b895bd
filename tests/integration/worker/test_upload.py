"""Handlers read uploads from a real MongoDB, with both drivers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from support.indexed_database import ensure_indexes
from support.other_loop import other_loop

from secretary_common.models import FileInfo, FileKind
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.store import Store
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.upload import Uploads

CONTENT = os.urandom(9_000_000)


@pytest.fixture(params=["motor", "pymongo"])
async def store(
    request: pytest.FixtureRequest, mongo_url: str, database_name: str
) -> AsyncIterator[Store]:
    client = DatabaseClient(mongo_url, database_name, request.param)
    await ensure_indexes(client)
    yield Store(client)
    await client.close()


async def content() -> AsyncIterator[bytes]:
    yield CONTENT


async def test_handlers_read_uploads_in_their_own_loop(store: Store) -> None:
    now = datetime.now(UTC)
    info = FileInfo(kind=FileKind.UPLOAD, owner="key-1", name="a.pdf", created_at=now)
    stored = await store.files.save(content(), info)
    uploads = Uploads(store.files, store.keys, Bridge())

    async def read() -> bytes:
        async with uploads.open(stored.file_id, "key-1", len(CONTENT)) as file:
            return os.pread(file.fd, file.size + 1, 0)

    with other_loop() as handlers:
        found = await asyncio.gather(*(handlers.run(read()) for _ in range(5)))
    assert found == [CONTENT] * 5
