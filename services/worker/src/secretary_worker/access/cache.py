"""A cache, as handlers use it: whatever is wrong with the store, no job fails of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import CACHE_LOOKUPS, CACHE_PUTS
from secretary_worker.access.bridge import Bridge

log = get_logger(__name__)

GET_SEC = 10.0
"""A cache that takes longer to say what it knows is not waited for."""
PUT_SEC = 30.0


class Cache:
    """One of the caches (``ports.CacheRepository``), for any loop. It raises nothing.

    A failure is a line in the log and as if nothing were known; what could not be kept will have to
    be worked out again.
    """

    def __init__(self, name: str, repository: CacheRepository, bridge: Bridge) -> None:
        """*name*: in the log and the metrics; all caches share the repository."""
        self._name = name
        self._repository = repository
        self._bridge = bridge

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        """What is known of *keys*; those of which nothing is known are left out."""
        wanted = set(keys)
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(GET_SEC):
                known = await self._bridge.call(lambda: self._repository.get_many(keys))
        except Exception as error:  # noqa: BLE001 - see the class
            self._tell("cache.not_read", error)
            CACHE_LOOKUPS.labels(self._name, "failed").inc(len(wanted))
            return {}
        CACHE_LOOKUPS.labels(self._name, "hit").inc(len(known))
        CACHE_LOOKUPS.labels(self._name, "miss").inc(len(wanted) - len(known))
        return known

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        """Keep *entries*; one already there is replaced."""
        if not entries:
            return
        try:
            async with asyncio.timeout(PUT_SEC):
                await self._bridge.call(lambda: self._repository.put_many(entries))
        except Exception as error:  # noqa: BLE001 - see the class
            self._tell("cache.not_written", error)
            CACHE_PUTS.labels(self._name, "failed").inc(len(entries))
        else:
            CACHE_PUTS.labels(self._name, "kept").inc(len(entries))

    def _tell(self, event: str, error: Exception) -> None:
        log.warning(event, cache=self._name, reason=f"{type(error).__name__}: {error}"[:300])
