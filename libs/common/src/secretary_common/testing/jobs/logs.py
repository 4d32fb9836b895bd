"""The in-memory log repository."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from secretary_common.models import LogEntry, LogLevel


class InMemoryLogRepository:
    """Log entries in a dictionary (``ports.LogRepository``)."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, int, int], LogEntry] = {}

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            self.entries.setdefault((job_id, entry.attempt, entry.seq), entry)

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        keys = sorted(key for key in self.entries if key[0] == job_id)
        return [self.entries[key] for key in keys[-limit:]]

    async def page(
        self, job_id: str, *, after: tuple[int, int], levels: Collection[LogLevel], limit: int
    ) -> list[LogEntry]:
        keys = sorted(key for key in self.entries if key[0] == job_id and key[1:] > after)
        entries = (self.entries[key] for key in keys)
        return [entry for entry in entries if entry.level in levels][:limit]

    async def delete_some(self, job_id: str, limit: int) -> int:
        keys = [key for key in self.entries if key[0] == job_id][:limit]
        for key in keys:
            del self.entries[key]
        return len(keys)
