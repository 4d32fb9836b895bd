"""Workers, as the services need them from a store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from secretary_common.models import WorkerReport


class WorkerRepository(Protocol):
    """What workers tell of themselves. All methods raise ``StoreUnavailable``."""

    async def report(self, report: WorkerReport) -> None:
        """Put *report* in place of the one before of the same worker."""
        ...

    async def alive(self, now: datetime) -> list[WorkerReport]:
        """The last reports of the workers that live, by id."""
        ...

    async def forget(self, worker_id: str) -> None:
        """Remove the report of a worker that has stopped."""
        ...
