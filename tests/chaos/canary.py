"""Writes all the time, as services do: while it is silent, MongoDB takes no write."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

from chaos.interval import Interval
from pymongo import MongoClient
from pymongo.errors import PyMongoError

EVERY_SEC = 0.2
SILENCE_SEC = 0.6
"""Longer than a write and the wait before it take on a busy machine."""
TIMEOUT_MS = 1500
COLLECTION = "canary"


def silences(songs: Sequence[float], *, longest_sec: float = SILENCE_SEC) -> list[Interval]:
    """The stretches longer than *longest_sec* between writes, whose times are *songs*."""
    return [
        Interval(before, after) for before, after in pairwise(songs) if after - before > longest_sec
    ]


class Canary:
    """One writer with a client of its own."""

    def __init__(self, mongo_url: str, database: str) -> None:
        self._url = mongo_url
        self._database = database
        self._stopping = threading.Event()
        self._songs: list[float] = []

    @property
    def silences(self) -> list[Interval]:
        """When MongoDB took no write, as far as known."""
        return silences(self._songs)

    @contextlib.contextmanager
    def singing(self) -> Iterator[None]:
        """Write while inside."""
        thread = threading.Thread(target=self._sing, name="canary")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _sing(self) -> None:
        client: MongoClient[dict[str, object]] = MongoClient(
            self._url, w="majority", timeoutMS=TIMEOUT_MS
        )
        with client:
            collection = client[self._database][COLLECTION]
            while not self._stopping.wait(EVERY_SEC):
                try:
                    collection.update_one({"_id": "song"}, {"$inc": {"n": 1}}, upsert=True)
                except PyMongoError:
                    continue
                self._songs.append(time.time())
