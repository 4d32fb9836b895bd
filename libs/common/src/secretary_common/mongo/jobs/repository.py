"""The repository of jobs in MongoDB: every query and every transition."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pymongo import DESCENDING

from secretary_common.models import Job, JobQuery, ProgressChange, Settlement
from secretary_common.mongo.collection import Collection, Document
from secretary_common.mongo.jobs.actions import MongoJobActionWrites
from secretary_common.mongo.jobs.candidates import MongoJobCandidates
from secretary_common.mongo.jobs.document import check_room, key_query
from secretary_common.mongo.jobs.grouped_writes import (
    AttemptEnd,
    insert_jobs,
    settle_attempts,
    write_progress,
)
from secretary_common.mongo.jobs.left_alone import LeftAlone
from secretary_common.mongo.jobs.limited_claims import MongoLimitedClaims
from secretary_common.mongo.jobs.outbox import MongoJobOutbox
from secretary_common.mongo.jobs.reader import BRIEF, JobReader
from secretary_common.mongo.jobs.statistics import MongoJobStatistics
from secretary_common.runtime.clock import Clock, ServerClock
from secretary_common.runtime.group_commit import GroupCommit

_LEFT_OUT = (*BRIEF, "attempts")
_WITHOUT = dict.fromkeys((*_LEFT_OUT, "unreadable.fields"), False)


class MongoJobRepository(
    MongoJobActionWrites,
    MongoJobStatistics,
    MongoJobCandidates,
    MongoLimitedClaims,
    MongoJobOutbox,
):
    """Jobs in MongoDB (``ports.JobRepository``). Concurrent callers share some writes."""

    def __init__(
        self,
        collection: Collection,
        clock: Clock | None = None,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        """Wire the repository.

        Args:
            collection: of the jobs.
            clock: the store's.
            retention: how long a job is kept that this version could not read.
        """
        self._jobs = collection
        self._reader = JobReader(collection, clock or ServerClock(), retention)
        self._left_alone = LeftAlone()
        self._inserts: GroupCommit[Job, None] = GroupCommit(partial(insert_jobs, collection))
        self._progress: GroupCommit[ProgressChange, datetime | None] = GroupCommit(
            partial(write_progress, collection)
        )
        self._settlements: GroupCommit[AttemptEnd, Settlement] = GroupCommit(
            partial(settle_attempts, collection)
        )

    async def insert(self, job: Job) -> None:
        check_room(job)
        await self._inserts.submit(job)

    async def find_by_key(self, owner: str, key: str) -> Job | None:
        return await self._reader.one(await self._jobs.find_one_confirmed(key_query(owner, key)))

    async def release_key(self, job: Job) -> None:
        if job.idempotency:
            await self._jobs.update_one(
                {"_id": job.job_id, "idempotency.at": job.idempotency.at},
                {"$unset": {"idempotency": ""}},
            )

    async def get(self, job_id: str) -> Job | None:
        return await self._reader.one(
            await self._jobs.find_one({"_id": job_id, "deleted_at": None})
        )

    async def summaries(self, job_ids: Names[str]) -> list[Job]:
        query = {"_id": {"$in": sorted(job_ids)}, "deleted_at": None}
        found = await self._jobs.find(query, projection=_WITHOUT)
        return await self._reader.show(found, left_out=_LEFT_OUT)

    async def deleted_among(self, job_ids: Names[str]) -> set[str]:
        found = await self._jobs.find(
            {"_id": {"$in": sorted(job_ids)}, "deleted_at": {"$ne": None}}, projection=["_id"]
        )
        return {document["_id"] for document in found}

    async def find(self, query: JobQuery) -> list[Job]:
        found = await self._jobs.find(
            _listing(query),
            projection=_WITHOUT,
            sort=[("created_at", DESCENDING), ("_id", DESCENDING)],
            limit=query.limit,
        )
        return await self._reader.show(found, left_out=_LEFT_OUT)


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
        # The bound is for the index; the rest orders jobs of the same millisecond.
        filters["$and"] = [
            {"created_at": {"$lte": moment}},
            {"$or": [{"created_at": {"$lt": moment}}, {"_id": {"$lt": job_id}}]},
        ]
    return filters
