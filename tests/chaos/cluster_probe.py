"""Writes to MongoDB all the time; where its writes fail, the cluster is unavailable."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

from chaos.ledger.interval import Interval
from pymongo import MongoClient
from pymongo.errors import PyMongoError

EVERY_SEC = 0.2
MAX_GAP_SEC = 1.5
"""More than a write and the pause before it take on a busy machine."""
TIMEOUT_MS = 1500
COLLECTION = "cluster_probe"


def outages(
    acknowledged: Sequence[float], failed: Sequence[float], *, max_gap_sec: float = MAX_GAP_SEC
) -> list[Interval]:
    """Return the intervals in which MongoDB accepted no writes.

    Each lies between two acknowledged writes: a write failed in it, or it is too long.

    Args:
        acknowledged: when writes were acknowledged.
        failed: when writes failed.
        max_gap_sec: the longest normal time between two writes.
    """
    return [
        Interval(before, after)
        for before, after in pairwise(acknowledged)
        if after - before > max_gap_sec or any(before < at < after for at in failed)
    ]


class ClusterProbe:
    """Writes with a MongoDB client of its own."""

    def __init__(self, mongo_url: str, database: str) -> None:
        self._url = mongo_url
        self._database = database
        self._stopping = threading.Event()
        self._acknowledged: list[float] = []
        self._failed: list[float] = []

    @property
    def outages(self) -> list[Interval]:
        """When MongoDB accepted no writes, by this probe."""
        return outages(self._acknowledged, self._failed)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Write all the time inside the block."""
        thread = threading.Thread(target=self._write, name="cluster-probe")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _write(self) -> None:
        # A driver that retries writes would hide the time without a primary.
        client: MongoClient[dict[str, object]] = MongoClient(
            self._url, w="majority", timeoutMS=TIMEOUT_MS, retryWrites=False
        )
        with client:
            collection = client[self._database][COLLECTION]
            while not self._stopping.wait(EVERY_SEC):
                try:
                    collection.update_one({"_id": "probe"}, {"$inc": {"n": 1}}, upsert=True)
                except PyMongoError:
                    self._failed.append(time.time())
                else:
                    self._acknowledged.append(time.time())
