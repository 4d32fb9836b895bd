"""Jobs in MongoDB that wait for a worker. Only indexes are read, no job documents.

A job may be megabytes large, and a worker looks through hundreds of jobs to claim one. So the
indexes hold all fields that choosing needs, and each query is written so that its index suffices.
The query also names its index, because the planner may choose another one that must read and sort.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import UTC, datetime

from pymongo import ASCENDING

from secretary_common.models import Candidate
from secretary_common.mongo.collection import Collection, Document
from secretary_common.mongo.jobs.document import PENDING

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The same condition as ``document.MAY_START``, in a form that an index can answer: an index does
# not distinguish null from absent.
MAY_START: Document = {"cancel_requested": {"$ne": True}, "deleted_at": {"$not": {"$gt": EPOCH}}}
BY_ORDER, BY_RUN_AT = "waiting_by_order", "waiting_by_run_at"
CANDIDATE = ("job_type", "priority", "owner", "run_at")


class MongoJobCandidates:
    """The part for waiting jobs (``ports.JobCandidates``)."""

    _jobs: Collection

    async def candidates(self, job_types: Names[str], now: datetime, limit: int) -> list[Candidate]:
        return await self._by_run_at(_due(job_types, now), limit)

    async def waiting_priorities(self, job_types: Names[str], now: datetime) -> list[int]:
        found = await self._jobs.distinct("priority", _due(job_types, now))
        return sorted(found, reverse=True)

    async def waiting_owners(
        self, job_types: Names[str], priority: int, now: datetime
    ) -> list[str]:
        found = await self._jobs.distinct("owner", {**_due(job_types, now), "priority": priority})
        return sorted(found)

    async def oldest_waiting(
        self,
        job_types: Names[str],
        priority: int,
        owners: Sequence[str],
        now: datetime,
        limit: int,
    ) -> list[Candidate]:
        of_priority = {**_due(job_types, now), "priority": priority}
        found = await asyncio.gather(*(self._oldest(of_priority, one, limit) for one in owners))
        return list(itertools.chain.from_iterable(found))

    async def _oldest(self, of_priority: Document, owner: str, limit: int) -> list[Candidate]:
        found = await self._jobs.find(
            {**of_priority, "owner": owner},
            projection=CANDIDATE,
            # Also by _id, in the order of the index: the jobs of a batch share one run_at. MongoDB
            # merges the job types in this order, so it sorts nothing.
            sort=[("run_at", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
            hint=BY_ORDER,
        )
        return [_candidate(document) for document in found]

    async def next_due(self, job_types: Names[str], now: datetime) -> Candidate | None:
        found = await self._by_run_at(_waiting(job_types, {"$gt": now}), 1)
        return found[0] if found else None

    async def scheduled(self, job_id: str, now: datetime) -> Candidate | None:
        found = await self._jobs.find_one(
            {"_id": job_id, "status": PENDING, "run_at": {"$gt": now}, **MAY_START},
            projection=CANDIDATE,
        )
        return _candidate(found) if found else None

    async def _by_run_at(self, query: Document, limit: int) -> list[Candidate]:
        found = await self._jobs.find(
            query, projection=CANDIDATE, sort=[("run_at", ASCENDING)], limit=limit, hint=BY_RUN_AT
        )
        return [_candidate(document) for document in found]


def _waiting(job_types: Names[str], run_at: Document) -> Document:
    types = {"$in": sorted(job_types)}
    return {"status": PENDING, "job_type": types, "run_at": run_at, **MAY_START}


def _due(job_types: Names[str], now: datetime) -> Document:
    return _waiting(job_types, {"$lte": now})


def _candidate(document: Document) -> Candidate:
    return Candidate(job_id=document.pop("_id"), **document)
