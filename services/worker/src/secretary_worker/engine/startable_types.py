"""Knows of which job types a worker may start jobs now."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from secretary_common.ports import JobTypeRepository

OLDEST_SEC = 1.0


class StartableTypes:
    """The job types of this worker that no admin paused; the answer is at most a second old."""

    def __init__(
        self,
        job_types: frozenset[str],
        repository: JobTypeRepository,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*job_types*: all types for which this worker has a handler."""
        self._all = job_types
        self._repository = repository
        self._monotonic = monotonic
        self._startable = job_types
        self._read_at: float | None = None

    async def now(self, rung: Collection[str] = ()) -> frozenset[str]:
        """Return the types of which jobs may be started now.

        *rung*: types with a doorbell. If one of them was paused, an admin may just have resumed it,
        so the answer is read again.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        started = self._monotonic()
        is_old = self._read_at is None or started - self._read_at > OLDEST_SEC
        if is_old or not self._startable.issuperset(rung):
            self._startable = self._all - await self._repository.paused()
            self._read_at = started
        return self._startable
