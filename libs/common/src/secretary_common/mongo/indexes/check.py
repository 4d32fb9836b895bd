"""Checks for a service which indexes exist, at start and every minute."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import IndexModel

from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.indexes.comparison import Difference, difference
from secretary_common.mongo.indexes.definitions import EFFECT_IF_MISSING, INDEXES
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import INDEXES_MISSING
from secretary_common.runtime.resilient_loop import Failures, resilient_loop

log = get_logger(__name__)

CHECK_SEC = 60.0
RETRY_SEC = 5.0

Missing = dict[tuple[str, str], Difference]
"""The differences by collection and name of the index."""


async def watch(client: DatabaseClient) -> None:
    """Check the indexes every minute; log each missing index once. Runs until cancelled."""
    known: Missing = {}

    async def check_once() -> None:
        nonlocal known
        known = await check(client, known)

    failures = Failures("indexes", first_wait_sec=RETRY_SEC, longest_wait_sec=CHECK_SEC)
    await resilient_loop("indexes", check_once, pause_sec=CHECK_SEC, failures=failures)


async def check(client: DatabaseClient, known: Missing) -> Missing:
    """Return the missing indexes; log each missing index that *known* does not name.

    Afterwards queries of *client* may name the other indexes.

    Raises:
        StoreUnavailable: MongoDB does not answer, or refuses to list indexes.
    """
    missing: Missing = {}
    for collection, wanted in INDEXES.items():
        missing |= await _missing(client, collection, wanted)
    for collection, index in missing.keys() - known.keys():
        differs = missing[collection, index]
        log.error(
            "index.missing",
            collection=collection,
            index=index,
            reason=differs.reason,
            effect=EFFECT_IF_MISSING.get(index, "queries are slower"),
            action=differs.remedy(collection),
        )
    for collection, index in known.keys() - missing.keys():
        log.info("index.found", collection=collection, index=index)
    INDEXES_MISSING.set(len(missing))
    return missing


async def _missing(client: DatabaseClient, name: str, wanted: Sequence[IndexModel]) -> Missing:
    collection = client.collection(name)
    existing = await collection.list_indexes()
    differences = {index.document["name"]: difference(index, existing) for index in wanted}
    collection.use_indexes(index for index, differs in differences.items() if differs is None)
    return {(name, index): differs for index, differs in differences.items() if differs}
