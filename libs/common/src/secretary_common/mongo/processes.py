"""Reports of workers and notifiers in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secretary_common.models import ReceiverState, WorkerReport
from secretary_common.mongo.collection import Collection
from secretary_common.mongo.indexes.definitions import INDEX_VERSION
from secretary_common.mongo.stored.reader import Reader

_REPORTS: Reader[WorkerReport] = Reader("workers", WorkerReport, id_field="worker_id")

_RECEIVERS: Reader[ReceiverState] = Reader("notifiers", ReceiverState)


class MongoWorkerRepository:
    """Reports of workers (``ports.WorkerRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._workers = collection

    async def report(self, report: WorkerReport) -> None:
        fields = report.model_dump(exclude={"worker_id"}) | {"index_version": INDEX_VERSION}
        await self._workers.update_one({"_id": report.worker_id}, {"$set": fields}, upsert=True)

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
        change = {"$set": {**facts, "seen_at": now}}
        await self._notifiers.update_one({"_id": owner}, change, upsert=True)

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
