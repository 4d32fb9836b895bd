"""A cache for handlers. A failure of the store never fails a job."""

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
"""The deadline of a lookup. After this time all its keys count as unknown."""
PUT_SEC = 30.0


class Cache:
    """One named cache. Its methods raise no errors and may be called from any loop.

    After a failed read the keys count as unknown. After a failed write the values are lost, and
    handlers compute them again. These failures are logged and counted.
    """

    def __init__(self, name: str, repository: CacheRepository, bridge: Bridge) -> None:
        """*name* appears in logs and metrics; all caches share the *repository* and its keys."""
        self._name = name
        self._repository = repository
        self._bridge = bridge

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        """Return the known values of *keys*; unknown keys are left out."""
        wanted = set(keys)
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(GET_SEC):
                known = await self._bridge.call(lambda: self._repository.get_many(keys))
        except Exception as error:  # noqa: BLE001 - a cache must fail no job
            self._log("cache.not_read", error)
            CACHE_LOOKUPS.labels(self._name, "failed").inc(len(wanted))
            return {}
        CACHE_LOOKUPS.labels(self._name, "hit").inc(len(known))
        CACHE_LOOKUPS.labels(self._name, "miss").inc(len(wanted) - len(known))
        return known

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        """Store *entries*. An entry replaces an existing entry with the same key."""
        if not entries:
            return
        try:
            async with asyncio.timeout(PUT_SEC):
                await self._bridge.call(lambda: self._repository.put_many(entries))
        except Exception as error:  # noqa: BLE001 - a cache must fail no job
            self._log("cache.not_written", error)
            CACHE_PUTS.labels(self._name, "failed").inc(len(entries))
        else:
            CACHE_PUTS.labels(self._name, "kept").inc(len(entries))

    def _log(self, event: str, error: Exception) -> None:
        log.warning(event, cache=self._name, reason=f"{type(error).__name__}: {error}"[:300])
