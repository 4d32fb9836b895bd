"""The repository of jobs in MongoDB: every query and every transition."""

from __future__ import annotations

import re
from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from secretary_common.models import Job, JobQuery, JobStatus, ProgressChange, Settlement
from secretary_common.models.states import TERMINAL
from secretary_common.mongo.driver.collection import Collection, Document
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
from secretary_common.mongo.stored.page import Way, page_of
from secretary_common.runtime.clock import Clock, ServerClock
from secretary_common.runtime.group_commit import GroupCommit

SETTLE_LINGER_SEC = 0.003
"""A settlement waits this long for others if the last one had company. A worker that claims jobs
together mostly settles them together."""
_BY_STATUS = {
    JobStatus.PENDING: "newest_waiting",
    JobStatus.PROCESSING: "running",
    **dict.fromkeys(TERMINAL, "ended_by_status"),
}
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
        self._inserts: GroupCommit[Job, None] = GroupCommit(
            partial(insert_jobs, collection), name="inserts"
        )
        self._progress: GroupCommit[ProgressChange, datetime | None] = GroupCommit(
            partial(write_progress, collection), name="progress"
        )
        self._settlements: GroupCommit[AttemptEnd, Settlement] = GroupCommit(
            partial(settle_attempts, collection),
            linger_sec=SETTLE_LINGER_SEC,
            expects_as_many=True,
            name="settlements",
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
        return (await self.find_page(query))[0]

    async def find_page(self, query: JobQuery) -> tuple[list[Job], tuple[datetime, str] | None]:
        filters = _filters(query)
        found, place = await page_of(
            self._jobs,
            _ways(query, filters),
            filters,
            common={"deleted_at": None},
            after=query.after,
            limit=query.limit,
            projection=_WITHOUT,
        )
        return await self._reader.show(found, left_out=_LEFT_OUT), place


def _filters(query: JobQuery) -> Document:
    statuses = sorted(status.value for status in query.statuses)
    wanted: dict[str, Any] = {
        "owner": query.owner,
        "status": {"$in": statuses} if statuses else query.status and query.status.value,
        "job_type": query.job_type,
        "batch_id": query.batch_id,
        "tags": query.tag,
        "user_id": query.user_id,
        "_id": query.id_contains and {"$regex": re.escape(query.id_contains)},
    }
    bounds = {"$gte": query.created_after, "$lt": query.created_before}
    given = {operator: moment for operator, moment in bounds.items() if moment}
    return {name: value for name, value in wanted.items() if value is not None} | (
        {"created_at": given} if given else {}
    )


def _ways(query: JobQuery, filters: Document) -> list[Way]:
    """Return the indexes that list the jobs newest first, each with the filters that it serves."""
    fields: list[tuple[str, Sequence[str]]] = []
    if query.user_id is not None:
        fields.append(("newest_by_user", ["user_id"]))
    if query.tag is not None:
        fields.append(("newest_by_tag", ["tags"]))
    if query.batch_id is not None:  # a batch has few jobs
        fields = [("of_batch", ["batch_id", "status"])]
    elif query.status in TERMINAL and query.owner is not None:
        fields.append(("ended_of_owner_by_status", ["owner", "status"]))
    else:
        if query.status is not None:
            fields.append((_BY_STATUS[query.status], ["status"]))
        if query.owner is not None:
            fields.append(("newest_of_owner", ["owner"]))
    if query.job_type is not None and query.batch_id is None:
        fields.append(("newest_by_type", ["job_type"]))
    return [
        Way(index, {name: filters[name] for name in (*names, "created_at") if name in filters})
        for index, names in fields or [("newest", [])]
    ]
