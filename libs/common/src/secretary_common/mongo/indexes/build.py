"""Builds the indexes for ``secretary-init``: one at a time, each for as long as it takes.

Then it drops the indexes that no query of this version names, unless a worker of an earlier version
is alive.
"""

from __future__ import annotations

import time
from collections.abc import Collection as Names
from collections.abc import Sequence

from pymongo import IndexModel
from pymongo.errors import OperationFailure

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.indexes.comparison import difference
from secretary_common.mongo.indexes.definitions import INDEX_VERSION, INDEXES, RETIRED
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

UNAUTHORIZED_CODE = 13


async def ensure(client: DatabaseClient) -> int:
    """Build each index that is missing; return the number of indexes that MongoDB refused.

    Afterwards queries of *client* may name the indexes. Safe to repeat, and safe in several
    processes at once: the second process waits for the build of the first. MongoDB may refuse an
    index: that is logged with the reason, and the other indexes are built.

    Raises:
        StoreUnavailable: MongoDB does not answer. It may go on with the build.
    """
    refused = 0
    async with client.without_deadline() as patient:
        for name, wanted in INDEXES.items():
            collection = patient.collection(name)
            existing = await collection.list_indexes()
            built = [
                index.document["name"]
                for index in wanted
                if await _build(collection, name, index, existing)
            ]
            client.collection(name).use_indexes(built)
            refused += len(wanted) - len(built)
            await _drop_retired(patient, name, built)
    return refused


async def _drop_retired(client: DatabaseClient, name: str, built: Names[str]) -> None:
    """Drop the retired indexes of a collection whose replacements are built.

    All services work without an index. But a worker of an earlier version would scan the whole
    collection for some queries, so its indexes stay while it is alive.
    """
    collection = client.collection(name)
    retired = RETIRED.get(name, {})
    existing = {index["name"] for index in await collection.list_indexes()} if retired else set()
    for index, replacements in retired.items():
        if index not in existing or not set(replacements) <= set(built):
            continue
        if await _older_worker_is_alive(client):
            reason = "a worker of an earlier version is alive"
            log.info("index.kept", collection=name, index=index, reason=reason)
            continue
        try:
            await collection.drop_index(index)
        except (OperationFailure, StoreUnavailable) as error:  # another init was quicker, or rights
            log.warning("index.kept", collection=name, index=index, reason=str(error)[:500])
        else:
            log.info("index.dropped", collection=name, index=index)


async def _older_worker_is_alive(client: DatabaseClient) -> bool:
    found = await client.collection("workers").find_one(
        {
            "$expr": {"$gt": ["$alive_until", "$$NOW"]},
            "index_version": {"$not": {"$gte": INDEX_VERSION}},
        }
    )
    return found is not None


async def _build(
    collection: Collection, name: str, index: IndexModel, existing: Sequence[Document]
) -> bool:
    index_name = index.document["name"]
    differs = difference(index, existing)
    if differs is not None and differs.blocked_by:
        log.error(
            "index.refused",
            collection=name,
            index=index_name,
            reason=differs.reason,
            action=differs.remedy(name),
        )
        return False
    started = time.monotonic()
    if differs is not None:
        log.info("index.building", collection=name, index=index_name)
    try:
        # For an index that is listed too: another process may not have finished it.
        await collection.create_index(index)
    except (OperationFailure, StoreUnavailable) as error:
        reason = error if isinstance(error, OperationFailure) else error.__cause__
        if isinstance(error, StoreUnavailable) and not _lacks_right(reason):
            raise
        log.error("index.refused", collection=name, index=index_name, reason=str(reason)[:500])
        return False
    if differs is not None:
        took = round(time.monotonic() - started, 1)
        log.info("index.built", collection=name, index=index_name, took_sec=took)
    return True


def _lacks_right(error: BaseException | None) -> bool:
    """Return whether the user lacks the right to build indexes; no repetition changes that."""
    return isinstance(error, OperationFailure) and error.code == UNAUTHORIZED_CODE
