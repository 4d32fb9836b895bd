"""Jobs in MongoDB: the one class that has all their queries and moves."""

from __future__ import annotations

from typing import Any

from pymongo import DESCENDING

from secretary_common.models import Job, JobQuery
from secretary_common.mongo.document import BRIEF, to_document, to_job
from secretary_common.mongo.driver import Collection, Document
from secretary_common.mongo.held import HeldJobsInMongo
from secretary_common.mongo.slots import OutboxSlotsInMongo
from secretary_common.mongo.waiting import WaitingJobsInMongo


class SecretaryJobRepository(WaitingJobsInMongo, HeldJobsInMongo, OutboxSlotsInMongo):
    """MongoDB repository of jobs (``ports.JobRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection

    async def insert(self, job: Job) -> None:
        """Store a new job durably (majority, journalled)."""
        await self._jobs.insert_one(to_document(job))

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        return to_job(await self._jobs.find_one({"_id": job_id, "deleted_at": None}))

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        found = await self._jobs.find(
            _listing(query),
            projection=BRIEF,
            sort=[("created_at", DESCENDING), ("_id", DESCENDING)],
            limit=query.limit,
        )
        return [job for document in found if (job := to_job(document))]


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
        filters["$or"] = [
            {"created_at": {"$lt": moment}},
            {"created_at": moment, "_id": {"$lt": job_id}},
        ]
    return filters
