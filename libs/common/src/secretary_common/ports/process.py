"""The store interfaces of the reports of workers and notifiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from secretary_common.models import ReceiverState, WorkerReport


class WorkerRepository(Protocol):
    """The reports of workers. All methods raise ``StoreUnavailable``."""

    async def report(self, report: WorkerReport) -> None:
        """Store *report* in place of the worker's previous report."""
        ...

    async def alive(self, now: datetime) -> list[WorkerReport]:
        """Return the last report of each living worker, sorted by id."""
        ...

    async def forget(self, worker_id: str) -> None:
        """Remove the report of a worker that has stopped."""
        ...


class NotifierRepository(Protocol):
    """The living notifiers. All methods raise ``StoreUnavailable``."""

    async def report(self, owner: str, now: datetime, facts: Mapping[str, object]) -> None:
        """Record that the notifier *owner* is alive; *facts* describe its current work."""
        ...

    async def leave(self, owner: str) -> None:
        """Record that the notifier *owner* stops."""
        ...

    async def receivers(self, since: datetime) -> list[ReceiverState]:
        """Return what notifiers that have reported at *since* or later say of receivers.

        Several notifiers may report the same receiver. A report that cannot be read is left out.
        """
        ...

    async def any_alive(self, since: datetime) -> bool:
        """Return whether any notifier has reported at *since* or later."""
        ...
