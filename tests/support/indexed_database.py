"""Gives the database of a test its indexes."""

from __future__ import annotations

from secretary_common.mongo import indexes
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.indexes.check import check


async def ensure_indexes(client: DatabaseClient) -> None:
    """Build the indexes, unless all of them are left from an earlier test.

    The check takes a third of the CPU time of ``secretary-init``, which asks MongoDB to build each.
    """
    if await check(client, {}):
        await indexes.ensure(client)
