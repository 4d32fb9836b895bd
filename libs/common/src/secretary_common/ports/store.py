"""The small things the services need from a store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from secretary_common.models import ApiKey, JobTypeInfo, LogEntry, LogLevel, TemplateInfo


class LogRepository(Protocol):
    """The log entries of jobs."""

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Store entries; one already there (same attempt and seq) is left as it is."""
        ...

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        """The last *limit* entries, oldest first."""
        ...

    async def page(
        self, job_id: str, *, after: tuple[int, int], levels: Collection[LogLevel], limit: int
    ) -> list[LogEntry]:
        """At most *limit* entries of these levels behind (attempt, seq) *after*, oldest first."""
        ...

    async def delete_some(self, job_id: str, limit: int) -> int:
        """Remove at most *limit* entries of a job; returns how many there were."""
        ...


class JobTypeRepository(Protocol):
    """The job types that have been announced."""

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        """Make types known, or refresh their schema; never touches ``paused``."""
        ...

    async def all(self) -> list[JobTypeInfo]:
        """Every announced type, by name."""
        ...

    async def set_paused(self, job_type: str, *, paused: bool) -> bool:
        """Have workers start no jobs of this type, or start them again; False: no such type."""
        ...

    async def paused(self) -> frozenset[str]:
        """The types whose jobs are not to be started."""
        ...


class TemplateRepository(Protocol):
    """The templates that have been announced."""

    async def announce(self, templates: Sequence[TemplateInfo]) -> None:
        """Make templates known, or refresh their languages and fields."""
        ...

    async def all(self) -> list[TemplateInfo]:
        """Every announced template, by name."""
        ...


class KeyRepository(Protocol):
    """API keys."""

    async def insert(self, key: ApiKey) -> None:
        """Store a new key."""
        ...

    async def get(self, key_id: str) -> ApiKey | None:
        """The key, by its public half."""
        ...

    async def all(self) -> list[ApiKey]:
        """Every key, by id."""
        ...

    async def delete(self, key_id: str) -> bool:
        """Forget a key; False if it was not there."""
        ...
