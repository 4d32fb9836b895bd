"""Workers' reports in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from secretary_common.models import WorkerReport
from secretary_common.mongo.driver import Collection

# Reports of killed workers are of use to nobody; MongoDB itself removes them.
KEPT_SEC = 24 * 3600
INDEXES: Sequence[IndexModel] = (
    IndexModel([("alive_until", ASCENDING)], name="alive", expireAfterSeconds=KEPT_SEC),
)


class MongoWorkerRepository:
    """What workers tell of themselves (``ports.WorkerRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._workers = collection

    async def report(self, report: WorkerReport) -> None:
        """Put *report* in place of the one before of the same worker."""
        fields = report.model_dump(exclude={"worker_id"})
        await self._workers.update_one({"_id": report.worker_id}, {"$set": fields}, upsert=True)

    async def alive(self, now: datetime) -> list[WorkerReport]:
        """The last reports of the workers that live, by id."""
        found = await self._workers.find({"alive_until": {"$gt": now}})
        reports = [
            WorkerReport.model_validate({"worker_id": document.pop("_id"), **document})
            for document in found
        ]
        return sorted(reports, key=lambda report: report.worker_id)

    async def forget(self, worker_id: str) -> None:
        """Remove the report of a worker that has stopped."""
        await self._workers.delete_many({"_id": worker_id})
