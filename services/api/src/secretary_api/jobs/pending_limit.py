"""Limits the waiting jobs of single API keys."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator

from secretary_api.access.principal import Principal
from secretary_api.jobs.job_types import KnownJobTypes
from secretary_common.errors import RateLimited
from secretary_common.ports import JobRepository

RETRY_AFTER_SEC = 5.0


class PendingLimit:
    """Refuses jobs of a key that has ``max_pending`` pending jobs.

    The jobs that this process is about to store count too. Each further process of the API may let
    one request more through, because processes do not know of each other's requests.
    """

    def __init__(self, jobs: JobRepository, job_types: KnownJobTypes) -> None:
        self._jobs = jobs
        self._job_types = job_types
        self._under_way: Counter[str] = Counter()
        """The jobs that are about to be stored, by key."""

    def room(
        self, caller: Principal, count: int = 1
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """Keep room for *count* new jobs of *caller*. A key without this limit costs no read.

        Raises:
            RateLimited: the key would have too many pending jobs.
            StoreUnavailable: MongoDB did not answer.
        """
        most = caller.limits.max_pending
        return contextlib.nullcontext() if most is None else self._kept(caller.key_id, most, count)

    @contextlib.asynccontextmanager
    async def _kept(self, owner: str, most: int, count: int) -> AsyncIterator[None]:
        self._under_way[owner] += count
        try:
            await self._check(owner, most)
            yield
        finally:
            self._under_way[owner] -= count
            if not self._under_way[owner]:
                del self._under_way[owner]

    async def _check(self, owner: str, most: int) -> None:
        names = [info.job_type for info in await self._job_types.all()]
        pending = await self._jobs.pending_of(owner, names, most)
        if pending + self._under_way[owner] > most:
            raise RateLimited(
                f"this API key may have {most} pending jobs (max_pending)",
                retry_after=RETRY_AFTER_SEC,
                details={"limit": "max_pending", "most": most, "used": pending},
            )
