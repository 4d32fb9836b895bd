"""Checks for a service which indexes exist, at start and every minute."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pymongo import IndexModel
from pymongo.errors import OperationFailure

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver import Client
from secretary_common.mongo.indexes.comparison import Difference, difference
from secretary_common.mongo.indexes.definitions import EFFECT_IF_MISSING, INDEXES
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import INDEXES_MISSING

log = get_logger(__name__)

CHECK_SEC = 60.0
RETRY_SEC = 5.0

Missing = dict[tuple[str, str], Difference]
"""The differences by collection and name of the index."""


async def watch(client: Client) -> None:
    """Check the indexes every minute; log each missing index once. Runs until cancelled."""
    known: Missing = {}
    while True:
        wait = CHECK_SEC
        try:
            known = await check(client, known)
        except StoreUnavailable:
            wait = RETRY_SEC
        except OperationFailure as error:
            log.warning("indexes.not_checked", reason=str(error)[:300])
        await asyncio.sleep(wait)


async def check(client: Client, known: Missing) -> Missing:
    """Return the missing indexes; log those that *known* does not name.

    Afterwards queries of *client* may name the other indexes.

    Raises:
        StoreUnavailable: MongoDB does not answer.
        OperationFailure: MongoDB refuses to list indexes.
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


async def _missing(client: Client, name: str, wanted: Sequence[IndexModel]) -> Missing:
    collection = client.collection(name)
    existing = await collection.list_indexes()
    differences = {index.document["name"]: difference(index, existing) for index in wanted}
    collection.use_indexes(index for index, differs in differences.items() if differs is None)
    return {(name, index): differs for index, differs in differences.items() if differs}
