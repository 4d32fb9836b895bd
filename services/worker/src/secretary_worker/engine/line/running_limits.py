"""Knows how many more jobs the API keys with a limit (``max_running``) may run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from secretary_common.models import Candidate
from secretary_common.ports import JobStatistics, KeyRepository

OLDEST_SEC = 5.0
HOLD_SEC = 15.0
"""No job of a key starts for so long after a claim of its jobs has not ended in time."""


class RunningLimits:
    """The limits of the API keys, at most ``OLDEST_SEC`` old. A key without a limit costs nothing.

    The figures here only spare vain claims: the claim itself keeps the limit
    (``JobClaims.claim_within``).
    """

    def __init__(
        self,
        keys: KeyRepository,
        jobs: JobStatistics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._jobs = jobs
        self._monotonic = monotonic
        self._limits: Mapping[str, int] = {}
        self._read_at: float | None = None
        self._held_until: dict[str, float] = {}

    def hold(self, owner: str) -> None:
        """Leave out the jobs of the key *owner* for ``HOLD_SEC``."""
        self._held_until[owner] = self._monotonic() + HOLD_SEC

    def is_held(self, owner: str) -> bool:
        """Return whether the jobs of the key *owner* are left out; see ``hold``."""
        return self._held_until.get(owner, -math.inf) > self._monotonic()

    async def now(self) -> Mapping[str, int]:
        """Return the limit of each key that has one, by its id.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        started = self._monotonic()
        if self._read_at is None or started - self._read_at > OLDEST_SEC:
            self._limits = await self._keys.running_limits()
            self._read_at = started
        return self._limits

    def of(self, owner: str) -> int | None:
        """Return the limit of the key *owner* as it was last read; None: no limit."""
        return self._limits.get(owner)

    async def room(self, owners: Sequence[str]) -> dict[str, int]:
        """Return how many more jobs each limited key among *owners* may run, by the key's id.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        limits = await self.now()
        limited = [owner for owner in owners if owner in limits]
        if not limited:
            return {}
        running = await self._jobs.running_by_owner(limited)
        return {
            owner: 0 if self.is_held(owner) else max(limits[owner] - running.get(owner, 0), 0)
            for owner in limited
        }

    def split(self, jobs: Iterable[Candidate]) -> tuple[list[str], dict[str, list[str]]]:
        """Return the ids of the jobs of keys without a limit, and the other ids by key."""
        free: list[str] = []
        limited: dict[str, list[str]] = {}
        for job in jobs:
            ids = free if self.of(job.owner) is None else limited.setdefault(job.owner, [])
            ids.append(job.job_id)
        return free, limited
