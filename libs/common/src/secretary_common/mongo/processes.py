"""Reports of workers and notifiers in MongoDB, and the faults that all services report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from secretary_common.models import ReceiverState, WorkerReport
from secretary_common.mongo.driver.collection import Collection, Document, change_of
from secretary_common.mongo.indexes.definitions import INDEX_VERSION
from secretary_common.mongo.stored.reader import Reader
from secretary_common.mongo.stored.shape import EARLIEST
from secretary_common.operator_events.fault import Fault, FaultKind, fault_id_of

_REPORTS: Reader[WorkerReport] = Reader("workers", WorkerReport, id_field="worker_id")

_FAULTS: Reader[Fault] = Reader("faults", Fault, id_field="fault_id")

_RECEIVERS: Reader[ReceiverState] = Reader("notifiers", ReceiverState)


class MongoWorkerRepository:
    """Reports of workers (``ports.WorkerRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._workers = collection

    async def report(self, report: WorkerReport) -> None:
        fields = report.model_dump(exclude={"worker_id"}) | {"index_version": INDEX_VERSION}
        await _put(self._workers, report.worker_id, fields)

    async def alive(self, now: datetime) -> list[WorkerReport]:
        found = await self._workers.find({"alive_until": {"$gt": now}})
        return sorted(_REPORTS.all(found), key=lambda report: report.worker_id)

    async def forget(self, worker_id: str) -> None:
        await self._workers.delete_many({"_id": worker_id})


class MongoNotifierRepository:
    """Reports of notifiers (``ports.NotifierRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._notifiers = collection

    async def report(self, owner: str, now: datetime, facts: Mapping[str, object]) -> None:
        await _put(self._notifiers, owner, {**facts, "seen_at": now})

    async def leave(self, owner: str) -> None:
        await self._notifiers.delete_many({"_id": owner})

    async def receivers(self, since: datetime) -> list[ReceiverState]:
        found = await self._notifiers.find({"seen_at": {"$gte": since}}, projection=["receivers"])
        reported = (one.get("receivers") for one in found)
        parts = [part for parts in reported if isinstance(parts, list) for part in parts]
        return _RECEIVERS.all(part for part in parts if isinstance(part, dict))

    async def any_alive(self, since: datetime) -> bool:
        found = await self._notifiers.find_one({"seen_at": {"$gte": since}}, projection=["_id"])
        return found is not None


class MongoFaultRepository:
    """Faults in MongoDB (``operator_events.FaultRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._faults = collection

    async def report(
        self, kind: FaultKind, subject: str, details: Mapping[str, Any], now: datetime
    ) -> None:
        fault_id = fault_id_of(kind, subject)
        seen: Document = {"seen_at": now, "details": dict(details)}
        lasting = {"_id": fault_id, "ended_at": None}
        if await self._faults.update_one(lasting, {"$set": seen}):
            return
        fresh = {"kind": kind.value, "subject": subject, "began_at": now, **seen}
        change = {"$set": fresh, "$unset": {"ended_at": ""}, "$setOnInsert": {"version": 0}}
        try:
            await self._faults.update_one(
                {"_id": fault_id, "ended_at": {"$gt": EARLIEST}}, change, upsert=True
            )
        except DuplicateKeyError:  # another process was quicker
            return

    async def current(self, limit: int = 500) -> list[Fault]:
        query: Document = {"$or": [{"ended_at": None}, {"event": {"$ne": None}}]}
        found = await self._faults.find(query, sort=[("seen_at", ASCENDING)], limit=limit)
        return _FAULTS.all(found)

    async def change(self, fault: Fault, fields: Mapping[str, Any]) -> bool:
        expected = {"_id": fault.fault_id, "version": fault.version, "seen_at": fault.seen_at}
        change = {**change_of(fields), "$inc": {"version": 1}}
        return await self._faults.update_one(expected, change) == 1

    async def remove_ended(self, before: datetime) -> int:
        return await self._faults.delete_many({"ended_at": {"$lt": before}, "event": None})


async def _put(reports: Collection, process_id: str, fields: Mapping[str, object]) -> None:
    """Store a report of a process in place of the previous one.

    A process stops by a cancellation, and the write under way may arrive after the removal of the
    report. So a write that inserts is only made if there is no previous report.
    """
    change = {"$set": dict(fields)}
    if not await reports.update_one({"_id": process_id}, change):
        await reports.update_one({"_id": process_id}, change, upsert=True)
