"""The in-memory repositories of workers and notifiers, and of the faults that services report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from secretary_common.models import ReceiverState, WorkerReport
from secretary_common.operator_events.fault import Fault, FaultKind, fault_id_of


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


class InMemoryFaultRepository:
    """Faults in a dictionary (``operator_events.FaultRepository``)."""

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}

    async def report(
        self, kind: FaultKind, subject: str, details: Mapping[str, Any], now: datetime
    ) -> None:
        fault_id = fault_id_of(kind, subject)
        known = self.faults.get(fault_id)
        made = known or Fault(
            fault_id=fault_id, kind=kind, subject=subject, began_at=now, seen_at=now
        )
        changed: dict[str, Any] = {"seen_at": now, "details": dict(details)}
        if made.ended_at is not None:
            changed |= {"ended_at": None, "began_at": now}
        self.faults[fault_id] = made.model_copy(update=changed)

    async def current(self, limit: int = 500) -> list[Fault]:
        found = [one for one in self.faults.values() if one.ended_at is None or one.event]
        return sorted(found, key=lambda one: one.seen_at)[:limit]

    async def change(self, fault: Fault, fields: Mapping[str, Any]) -> bool:
        known = self.faults.get(fault.fault_id)
        if known is None or (known.version, known.seen_at) != (fault.version, fault.seen_at):
            return False
        changed = Fault.model_validate({**known.model_dump(), **fields})
        self.faults[fault.fault_id] = changed.model_copy(update={"version": known.version + 1})
        return True

    async def remove_ended(self, before: datetime) -> int:
        old = [
            name
            for name, one in self.faults.items()
            if one.ended_at is not None and one.ended_at < before and one.event is None
        ]
        for name in old:
            del self.faults[name]
        return len(old)
