"""In-memory twins of the small repositories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from secretary_common.models import (
    ApiKey,
    JobTypeInfo,
    LogEntry,
    LogLevel,
    TemplateInfo,
    WorkerReport,
)


class InMemoryLogRepository:
    """Keeps log entries (``ports.LogRepository``)."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, int, int], LogEntry] = {}

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Keep entries; one already there is left as it is."""
        for entry in entries:
            self.entries.setdefault((job_id, entry.attempt, entry.seq), entry)

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        """The last *limit* entries, oldest first."""
        keys = sorted(key for key in self.entries if key[0] == job_id)
        return [self.entries[key] for key in keys[-limit:]]

    async def page(
        self, job_id: str, *, after: tuple[int, int], levels: Collection[LogLevel], limit: int
    ) -> list[LogEntry]:
        """At most *limit* entries of these levels behind (attempt, seq) *after*, oldest first."""
        keys = sorted(key for key in self.entries if key[0] == job_id and key[1:] > after)
        entries = (self.entries[key] for key in keys)
        return [entry for entry in entries if entry.level in levels][:limit]

    async def delete_some(self, job_id: str, limit: int) -> int:
        """Forget at most *limit* entries of a job; returns how many there were."""
        keys = [key for key in self.entries if key[0] == job_id][:limit]
        for key in keys:
            del self.entries[key]
        return len(keys)


class InMemoryJobTypeRepository:
    """Keeps job types (``ports.JobTypeRepository``)."""

    def __init__(self, *job_types: JobTypeInfo) -> None:
        self.types = {info.job_type: info for info in job_types}

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        """Make types known; never touches ``paused``."""
        for info in job_types:
            known = self.types.get(info.job_type)
            self.types[info.job_type] = replace(info, paused=known.paused if known else False)

    async def all(self) -> list[JobTypeInfo]:
        """Every announced type, by name."""
        return [self.types[name] for name in sorted(self.types)]

    async def set_paused(self, job_type: str, *, paused: bool) -> bool:
        """Have workers start no jobs of this type, or start them again; False: no such type."""
        if job_type not in self.types:
            return False
        self.types[job_type] = replace(self.types[job_type], paused=paused)
        return True

    async def paused(self) -> frozenset[str]:
        """The types whose jobs are not to be started."""
        return frozenset(name for name, info in self.types.items() if info.paused)


class InMemoryTemplateRepository:
    """Keeps templates (``ports.TemplateRepository``)."""

    def __init__(self, *templates: TemplateInfo) -> None:
        self.templates = {info.name: info for info in templates}

    async def announce(self, templates: Sequence[TemplateInfo]) -> None:
        """Make templates known, or refresh their languages and fields."""
        self.templates.update({info.name: info for info in templates})

    async def all(self) -> list[TemplateInfo]:
        """Every announced template, by name."""
        return [self.templates[name] for name in sorted(self.templates)]


class InMemoryWorkerRepository:
    """Keeps workers' reports (``ports.WorkerRepository``)."""

    def __init__(self) -> None:
        self.reports: dict[str, WorkerReport] = {}

    async def report(self, report: WorkerReport) -> None:
        """Keep *report* in place of the one before."""
        self.reports[report.worker_id] = report

    async def alive(self, now: datetime) -> list[WorkerReport]:
        """The last reports of the workers that live, by id."""
        alive = [report for report in self.reports.values() if report.alive_until > now]
        return sorted(alive, key=lambda report: report.worker_id)

    async def forget(self, worker_id: str) -> None:
        """Forget a worker that has stopped."""
        self.reports.pop(worker_id, None)


class InMemoryKeyRepository:
    """Keeps API keys (``ports.KeyRepository``)."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}

    async def insert(self, key: ApiKey) -> None:
        """Keep *key*."""
        self.keys[key.key_id] = key

    async def get(self, key_id: str) -> ApiKey | None:
        """The key, by its public half."""
        return self.keys.get(key_id)

    async def all(self) -> list[ApiKey]:
        """Every key, by id."""
        return [self.keys[key_id] for key_id in sorted(self.keys)]

    async def delete(self, key_id: str) -> bool:
        """Forget a key; False if it was not there."""
        return self.keys.pop(key_id, None) is not None
