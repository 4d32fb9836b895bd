"""The in-memory repositories of workers and notifiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from secretary_common.models import ReceiverState, WorkerReport


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
        self.facts: dict[str, Mapping[str, Any]] = {}

    async def report(self, owner: str, now: datetime, facts: Mapping[str, Any]) -> None:
        self.seen[owner] = now
        self.facts[owner] = facts

    async def leave(self, owner: str) -> None:
        self.seen.pop(owner, None)

    async def receivers(self, since: datetime) -> list[ReceiverState]:
        alive = [owner for owner, moment in self.seen.items() if moment >= since]
        parts = [part for owner in alive for part in self.facts[owner].get("receivers", ())]
        return [ReceiverState.model_validate(part) for part in parts]

    async def any_alive(self, since: datetime) -> bool:
        return any(moment >= since for moment in self.seen.values())
