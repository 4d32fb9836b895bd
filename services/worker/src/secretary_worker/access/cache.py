"""A cache for handlers. A failure of the store never fails a job.

Each API key has entries of its own, so that no job learns what another key's jobs have read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_common.runtime.log import get_logger
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.job_scope import current_scope
from secretary_worker.metrics import CACHE_LOOKUPS, CACHE_PUTS

log = get_logger(__name__)

GET_SEC = 10.0
"""The deadline of a lookup. After this time all its keys count as unknown."""
PUT_SEC = 30.0


class Cache:
    """One named cache. Its methods raise no errors and may be called from any loop.

    After a failed read the keys count as unknown. After a failed write the values are lost, and
    handlers compute them again. These failures are logged and counted.

    The entries belong to the API key of the job whose handler calls. Outside of a job the cache is
    empty and stores nothing, because it is not known whose entries are meant.
    """

    def __init__(
        self, name: str, repository: CacheRepository, bridge: Bridge, *, shared: bool = False
    ) -> None:
        """Wire the cache.

        Args:
            name: appears in logs and metrics.
            repository: the store. All caches share it and its keys.
            bridge: takes the calls to the loop of the store.
            shared: whether all API keys share their entries (``cache.shared``).
        """
        self._name = name
        self._repository = repository
        self._bridge = bridge
        self._shared = shared

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        """Return the known values of *keys*; unknown keys are left out."""
        wanted = set(keys)
        prefix = self._prefix()
        if not wanted or prefix is None:
            return {}
        try:
            async with asyncio.timeout(GET_SEC):
                found = await self._bridge.call(
                    lambda: self._repository.get_many([prefix + key for key in keys])
                )
        except Exception as error:  # noqa: BLE001 - a cache must fail no job
            self._log("cache.not_read", error)
            CACHE_LOOKUPS.labels(self._name, "failed").inc(len(wanted))
            return {}
        known = {key.removeprefix(prefix): value for key, value in found.items()}
        CACHE_LOOKUPS.labels(self._name, "hit").inc(len(known))
        CACHE_LOOKUPS.labels(self._name, "miss").inc(len(wanted) - len(known))
        return known

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        """Store *entries*. An entry replaces an existing entry with the same key."""
        prefix = self._prefix()
        if not entries or prefix is None:
            return
        owned = {prefix + key: value for key, value in entries.items()}
        try:
            async with asyncio.timeout(PUT_SEC):
                await self._bridge.call(lambda: self._repository.put_many(owned))
        except Exception as error:  # noqa: BLE001 - a cache must fail no job
            self._log("cache.not_written", error)
            CACHE_PUTS.labels(self._name, "failed").inc(len(entries))
        else:
            CACHE_PUTS.labels(self._name, "kept").inc(len(entries))

    def _prefix(self) -> str | None:
        """Return what the keys of the caller's entries begin with; None: it has no entries."""
        if self._shared:
            return ""
        scope = current_scope()
        return f"{scope.owner}/" if scope else None  # no id of an API key has a slash

    def _log(self, event: str, error: Exception) -> None:
        log.warning(event, cache=self._name, reason=f"{type(error).__name__}: {error}"[:300])
