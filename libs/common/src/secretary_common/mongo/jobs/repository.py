"""Jobs in MongoDB: the one class that has all their queries and moves."""

from __future__ import annotations

from collections.abc import Collection as Names
from typing import Any

from pymongo import DESCENDING

from secretary_common.models import Job, JobQuery
from secretary_common.mongo.driver import Collection, Document
from secretary_common.mongo.jobs.actions import MongoJobActionWrites
from secretary_common.mongo.jobs.candidates import MongoJobCandidates
from secretary_common.mongo.jobs.claims import MongoJobClaims
from secretary_common.mongo.jobs.document import BRIEF, check_room, key_query, to_job, to_jobs
from secretary_common.mongo.jobs.grouped_writes import GroupedEnds, GroupedInserts, GroupedProgress
from secretary_common.mongo.jobs.outbox import MongoJobOutbox
from secretary_common.mongo.jobs.statistics import MongoJobStatistics


class MongoJobRepository(
    MongoJobActionWrites,
    MongoJobStatistics,
    MongoJobCandidates,
    MongoJobClaims,
    MongoJobOutbox,
):
    """MongoDB repository of jobs (``ports.JobRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self._inserts = GroupedInserts(collection)
        self._progress = GroupedProgress(collection)
        self._ends = GroupedEnds(collection)

    async def insert(self, job: Job) -> None:
        """Store a new job durably (majority, journalled)."""
        check_room(job)
        await self._inserts.insert(job)

    async def find_by_key(self, owner: str, key: str) -> Job | None:
        """The job under an idempotency key, once a majority has it; a deleted one has none."""
        return to_job(await self._jobs.find_one_confirmed(key_query(owner, key)))

    async def release_key(self, job: Job) -> None:
        """Free the idempotency key of *job*, if it is still the one it was read with."""
        if job.idempotency:
            await self._jobs.update_one(
                {"_id": job.job_id, "idempotency.at": job.idempotency.at},
                {"$unset": {"idempotency": ""}},
            )

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        return to_job(await self._jobs.find_one({"_id": job_id, "deleted_at": None}))

    async def summaries(self, job_ids: Names[str]) -> list[Job]:
        """Those of these jobs that are there and not deleted, without parameters and results."""
        query = {"_id": {"$in": sorted(job_ids)}, "deleted_at": None}
        return to_jobs(await self._jobs.find(query, projection=BRIEF))

    async def deleted_among(self, job_ids: Names[str]) -> set[str]:
        """Those of these jobs that clients deleted and that are not removed yet."""
        found = await self._jobs.find(
            {"_id": {"$in": sorted(job_ids)}, "deleted_at": {"$ne": None}}, projection=["_id"]
        )
        return {document["_id"] for document in found}

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        found = await self._jobs.find(
            _listing(query),
            projection=BRIEF,
            sort=[("created_at", DESCENDING), ("_id", DESCENDING)],
            limit=query.limit,
        )
        return to_jobs(found)


def _listing(query: JobQuery) -> Document:
    wanted: dict[str, Any] = {
        "owner": query.owner,
        "status": query.status and query.status.value,
        "job_type": query.job_type,
        "batch_id": query.batch_id,
        "tags": query.tag,
        "user_id": query.user_id,
    }
    filters: Document = {name: value for name, value in wanted.items() if value is not None}
    filters["deleted_at"] = None
    created = {"$gte": query.created_after, "$lt": query.created_before}
    if bounds := {operator: moment for operator, moment in created.items() if moment}:
        filters["created_at"] = bounds
    if query.after:
        moment, job_id = query.after
        # The bound is for the index; the rest tells jobs of the same millisecond apart.
        filters["$and"] = [
            {"created_at": {"$lte": moment}},
            {"$or": [{"created_at": {"$lt": moment}}, {"_id": {"$lt": job_id}}]},
        ]
    return filters
