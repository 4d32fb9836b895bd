"""The in-memory repositories of workers and notifiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secretary_common.models import WorkerReport


class InMemoryWorkerRepository:
    """Reports of workers in a dictionary (``ports.WorkerRepository``)."""

    def __init__(self) -> None:
        self.reports: dict[str, WorkerReport] = {}

    async def report(self, report: WorkerReport) -> None:
        self.reports[report.worker_id] = report

    async def alive(self, now: datetime) -> list[WorkerReport]:
        alive = [report for report in self.reports.values() if report.alive_until > now]
        return sorted(alive, key=lambda report: report.worker_id)

    async def forget(self, worker_id: str) -> None:
        self.reports.pop(worker_id, None)


class InMemoryNotifierRepository:
    """Living notifiers in a dictionary (``ports.NotifierRepository``)."""

    def __init__(self) -> None:
        self.seen: dict[str, datetime] = {}

    async def report(self, owner: str, now: datetime, facts: Mapping[str, object]) -> None:
        del facts
        self.seen[owner] = now

    async def leave(self, owner: str) -> None:
        self.seen.pop(owner, None)

    async def any_alive(self, since: datetime) -> bool:
        return any(moment >= since for moment in self.seen.values())
