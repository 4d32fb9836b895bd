"""The store interface of the log entries of jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from secretary_common.models import LogEntry, LogLevel


class LogRepository(Protocol):
    """The log entries of jobs. All methods raise ``StoreUnavailable``."""

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Store entries. An entry that exists already (same attempt and seq) stays as it is."""
        ...

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        """Return the last *limit* entries, oldest first."""
        ...

    async def page(
        self, job_id: str, *, after: tuple[int, int], levels: Collection[LogLevel], limit: int
    ) -> list[LogEntry]:
        """Return at most *limit* entries of these levels, oldest first.

        *after* is the (attempt, seq) of the last entry on the previous page.
        """
        ...

    async def delete_some(self, job_id: str, limit: int) -> int:
        """Delete at most *limit* entries of a job; return how many were deleted."""
        ...
