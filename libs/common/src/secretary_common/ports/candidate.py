"""The store interface of jobs that wait for a worker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from secretary_common.models import Candidate


class JobCandidates(Protocol):
    """Jobs that wait for a worker. All methods raise ``StoreUnavailable``."""

    async def candidates(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Candidate]:
        """Return jobs of these types that may start now, the earliest due first, of all owners."""
        ...

    async def few_waiting(
        self, job_types: Collection[str], now: datetime, most: int
    ) -> list[Candidate] | None:
        """Return all jobs of these types that may start now; None if they are *most* or more.

        The highest priority first; the jobs of one priority and owner oldest first.
        """
        ...

    async def waiting_priorities(self, job_types: Collection[str], now: datetime) -> list[int]:
        """Return the priorities of jobs of these types that may start now, the highest first."""
        ...

    async def waiting_owners(
        self, job_types: Collection[str], priority: int, now: datetime
    ) -> list[str]:
        """Return the ids of the API keys with jobs of *priority* that may start now, sorted."""
        ...

    async def oldest_waiting(
        self,
        job_types: Collection[str],
        priority: int,
        owners: Sequence[str],
        now: datetime,
        limit: int,
    ) -> list[Candidate]:
        """Return for each owner at most *limit* jobs of *priority* that may start now.

        In the order of *owners*; the jobs of one owner oldest first.
        """
        ...

    async def next_due(self, job_types: Collection[str], now: datetime) -> Candidate | None:
        """Return the job of these types with the earliest due time after *now*."""
        ...

    async def scheduled(self, job_ids: Collection[str], now: datetime) -> list[Candidate]:
        """Return those of these jobs that are scheduled for a time after *now*."""
        ...
