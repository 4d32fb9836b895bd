"""Counts of jobs in MongoDB; MongoDB counts on indexes and reads no document."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from datetime import datetime

from pymongo import ASCENDING

from secretary_common.models import JobStatus, StatusCounts, TypeStatistic
from secretary_common.mongo.collection import Collection, Document
from secretary_common.mongo.jobs.candidates import MAY_START
from secretary_common.mongo.jobs.document import PENDING, PROCESSING
from secretary_common.mongo.stored.shape import EARLIEST

# All priorities, listed one by one, because in the index the priority comes before the owner.
ANY_PRIORITY: Document = {"$in": list(range(10))}

NOT_DELETED = MAY_START["deleted_at"]


class MongoJobStatistics:
    """The part for counts (``ports.JobStatistics``)."""

    _jobs: Collection

    async def statistics(
        self,
        job_types: Names[str],
        now: datetime,
        *,
        owner: str | None = None,
        most: int | None = None,
    ) -> dict[str, TypeStatistic]:
        names = sorted(job_types)
        found = await asyncio.gather(*(self._of_type(name, now, owner, most) for name in names))
        return dict(zip(names, found, strict=True))

    async def _of_type(
        self, job_type: str, now: datetime, owner: str | None, most: int | None
    ) -> TypeStatistic:
        mine: Document = {"job_type": job_type} | ({"owner": owner} if owner else {})
        pending = {"status": PENDING, **mine} | ({"priority": ANY_PRIORITY} if owner else {})
        waiting, scheduled, running, oldest = await asyncio.gather(
            self._jobs.count({**pending, "run_at": {"$lte": now}}, limit=most),
            self._jobs.count({**pending, "run_at": {"$gt": now}}, limit=most),
            self._jobs.count({"status": PROCESSING, **mine}, limit=most),
            self._jobs.find_one(
                {**pending, "run_at": {"$gte": EARLIEST, "$lte": now}},
                projection={"_id": False, "run_at": True},
                sort=[("run_at", ASCENDING)],
            ),
        )
        wait_sec = (now - oldest["run_at"]).total_seconds() if oldest else 0.0
        return TypeStatistic(waiting, scheduled, running, wait_sec)

    async def running_by_owner(self, owners: Names[str] | None = None) -> dict[str, int]:
        theirs: Document = {} if owners is None else {"owner": {"$in": sorted(owners)}}
        return await self._by_owner({"status": PROCESSING, **theirs})

    async def pending_by_owner(self) -> dict[str, int]:
        return await self._by_owner({"status": PENDING})

    async def _by_owner(self, query: Document) -> dict[str, int]:
        found = await self._jobs.aggregate(
            [{"$match": query}, {"$group": {"_id": "$owner", "count": {"$sum": 1}}}]
        )
        return {one["_id"]: one["count"] for one in found if isinstance(one["_id"], str)}

    async def pending_of(self, owner: str, job_types: Names[str], most: int) -> int:
        types = {"$in": sorted(job_types)}
        query = {"status": PENDING, "job_type": types, "priority": ANY_PRIORITY, "owner": owner}
        return await self._jobs.count(query, limit=most)

    async def batch_counts(self, batch_id: str) -> StatusCounts:
        # In one read, so that a job that changes its state meanwhile is counted once.
        found = await self._jobs.aggregate(
            [
                {"$match": {"batch_id": batch_id, "deleted_at": NOT_DELETED}},
                {"$group": {"_id": "$status", "count": {"$sum": 1}}},
            ]
        )
        return _counted({one["_id"]: one["count"] for one in found if isinstance(one["_id"], str)})


def _counted(by_status: dict[str, int]) -> StatusCounts:
    """Return counts of the known states. A job in a newer version's state has not ended."""
    known = {status.value: by_status.pop(status.value, 0) for status in JobStatus}
    known[PROCESSING] += sum(by_status.values())
    return StatusCounts(**known)
