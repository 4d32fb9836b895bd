"""Counts of jobs in MongoDB; MongoDB counts on indexes and reads no document."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from dataclasses import replace
from datetime import datetime, timedelta

from pymongo import ASCENDING

from secretary_common.models import EndedCount, JobStatus, StatusCounts, TypeStatistic
from secretary_common.models.batch import BUCKETS_PER_DOUBLING
from secretary_common.models.states import TERMINAL
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.jobs.candidates import MAY_START
from secretary_common.mongo.jobs.document import PENDING, PROCESSING
from secretary_common.mongo.stored.shape import EARLIEST

# All priorities, listed one by one, because in the index the priority comes before the owner.
ANY_PRIORITY: Document = {"$in": list(range(10))}

ENDED = frozenset(status.value for status in TERMINAL)
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
        theirs: Document = {"owner": owner} if owner else {}
        running, kinds = await asyncio.gather(
            self._counts_by("job_type", {"status": PROCESSING, **theirs}),
            self._jobs.distinct("job_type", {"status": PENDING}),
        )
        names = [name for name in job_types if name in kinds]  # most types have no pending job
        found = await asyncio.gather(*(self._pending(name, now, owner, most) for name in names))
        pending = dict(zip(names, found, strict=True))
        return {
            name: replace(
                pending.get(name, TypeStatistic()), running=_at_most(most, running.get(name, 0))
            )
            for name in sorted(job_types)
        }

    async def _pending(
        self, job_type: str, now: datetime, owner: str | None, most: int | None
    ) -> TypeStatistic:
        """Count the pending jobs of a type; the running ones stay 0."""
        mine: Document = {"owner": owner, "priority": ANY_PRIORITY} if owner else {}
        pending = {"status": PENDING, "job_type": job_type, **mine}
        waiting, scheduled, oldest = await asyncio.gather(
            self._jobs.count({**pending, "run_at": {"$lte": now}}, limit=most),
            self._jobs.count({**pending, "run_at": {"$gt": now}}, limit=most),
            self._jobs.find_one(
                {**pending, "run_at": {"$gte": EARLIEST, "$lte": now}},
                projection={"_id": False, "run_at": True},
                sort=[("run_at", ASCENDING)],
            ),
        )
        wait_sec = (now - oldest["run_at"]).total_seconds() if oldest else 0.0
        return TypeStatistic(waiting, scheduled, oldest_wait_sec=wait_sec)

    async def ended(
        self, since: datetime, until: datetime, slot_sec: float, retention: timedelta
    ) -> list[EndedCount]:
        start = since + retention
        found = await self._jobs.aggregate(
            [
                {
                    "$match": {
                        "expires_at": {"$gte": start, "$lt": until + retention},
                        "deleted_at": NOT_DELETED,
                    }
                },
                {"$group": {"_id": _group(start, slot_sec), "count": {"$sum": 1}}},
            ]
        )
        # No state in the query: MongoDB could choose another index than that of ``expires_at``.
        counts = ((one["_id"], one["count"]) for one in found)
        return [_ended_count(key, count) for key, count in counts if _is_readable(key)]

    async def running_by_owner(self, owners: Names[str] | None = None) -> dict[str, int]:
        theirs: Document = {} if owners is None else {"owner": {"$in": sorted(owners)}}
        return await self._counts_by("owner", {"status": PROCESSING, **theirs})

    async def pending_by_owner(self) -> dict[str, int]:
        return await self._counts_by("owner", {"status": PENDING})

    async def _counts_by(self, field: str, query: Document) -> dict[str, int]:
        """Count the jobs that match *query*, for each value of *field*."""
        found = await self._jobs.aggregate(
            [{"$match": query}, {"$group": {"_id": f"${field}", "count": {"$sum": 1}}}]
        )
        return {one["_id"]: one["count"] for one in found if isinstance(one["_id"], str)}

    async def pending_of(self, owner: str, job_types: Names[str], most: int) -> int:
        types = {"$in": sorted(job_types)}
        query = {"status": PENDING, "job_type": types, "priority": ANY_PRIORITY, "owner": owner}
        return await self._jobs.count(query, limit=most)

    async def batch_counts(self, batch_id: str) -> StatusCounts:
        # In one read, so that a job that changes its state meanwhile is counted once.
        query = {"batch_id": batch_id, "deleted_at": NOT_DELETED}
        return _counted(await self._counts_by("status", query))


def _at_most(most: int | None, count: int) -> int:
    return count if most is None else min(count, most)


def _group(start: datetime, slot_sec: float) -> Document:
    age_ms = {"$subtract": ["$expires_at", start]}
    return {
        "slot": {"$floor": {"$divide": [age_ms, slot_sec * 1000]}},
        "owner": "$owner",
        "job_type": "$job_type",
        "status": "$status",
        "waited": _bucket("$run_at", "$processing_started_at"),
        "ran": _bucket("$processing_started_at", "$completed_at"),
    }


def _bucket(start: str, end: str) -> Document:
    """Return an expression like ``bucket_of``; it is null for a missing or odd time."""
    are_times = {"$and": [{"$eq": [{"$type": one}, "date"]} for one in (start, end)]}
    ms = {"$max": [{"$subtract": [end, start]}, 1]}
    bucket = {"$floor": {"$multiply": [BUCKETS_PER_DOUBLING, {"$log": [ms, 2]}]}}
    return {"$cond": [are_times, bucket, None]}


def _is_readable(key: Document) -> bool:
    texts = (key.get("owner"), key.get("job_type"))
    return key.get("status") in ENDED and all(isinstance(text, str) for text in texts)


def _ended_count(key: Document, count: int) -> EndedCount:
    waited, ran = (None if key[name] is None else int(key[name]) for name in ("waited", "ran"))
    return EndedCount(
        int(key["slot"]), key["owner"], key["job_type"], key["status"], waited, ran, count
    )


def _counted(by_status: dict[str, int]) -> StatusCounts:
    """Return counts of the known states. A job in a newer version's state has not ended."""
    known = {status.value: by_status.pop(status.value, 0) for status in JobStatus}
    known[PROCESSING] += sum(by_status.values())
    return StatusCounts(**known)
