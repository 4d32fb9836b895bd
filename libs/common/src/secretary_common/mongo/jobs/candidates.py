"""Jobs that wait: what a worker looks through. Indexes answer alone, no job is read for it.

A job may be megabytes large, and hundreds are looked through for one that is taken. Hence the
indexes hold all that choosing needs, and each query is worded so that its index suffices. The index
is named, too: of several that would do, the planner may choose one that has to read and sort.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING, IndexModel

from secretary_common.models import Candidate
from secretary_common.mongo.driver import Collection, Document
from secretary_common.mongo.jobs.document import PENDING

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What ``MAY_START`` says, in words an index understands: it cannot tell null from absent.
MAY_START: Document = {"cancel_requested": {"$ne": True}, "deleted_at": {"$not": {"$gt": EPOCH}}}
_FLAGS = [(name, ASCENDING) for name in MAY_START]
BY_ORDER, BY_RUN_AT = "waiting_by_order", "waiting_by_run_at"
CANDIDATE = ("job_type", "priority", "owner", "run_at")

INDEXES: Sequence[IndexModel] = (
    # Equal up to the owner, a key's jobs lie here by age; a distinct jumps from key to key.
    IndexModel(
        [
            ("status", ASCENDING),
            ("job_type", ASCENDING),
            ("priority", DESCENDING),
            ("owner", ASCENDING),
            ("run_at", ASCENDING),
            ("_id", ASCENDING),
            *_FLAGS,
        ],
        name=BY_ORDER,
        partialFilterExpression={"status": PENDING},
    ),
    IndexModel(
        [("status", ASCENDING), ("job_type", ASCENDING), ("run_at", ASCENDING), *_FLAGS],
        name=BY_RUN_AT,
        partialFilterExpression={"status": PENDING},
    ),
)


class MongoJobCandidates:
    """The waiting part of the job repository (``ports.JobCandidates``)."""

    _jobs: Collection

    async def candidates(self, job_types: Names[str], now: datetime, limit: int) -> list[Candidate]:
        """Jobs of these types that may start now, the longest due first, whosever turn it is."""
        return await self._by_run_at(_due(job_types, now), limit)

    async def waiting_priorities(self, job_types: Names[str], now: datetime) -> list[int]:
        """The priorities at which jobs of these types may start now, the highest first."""
        found = await self._jobs.distinct("priority", _due(job_types, now))
        return sorted(found, reverse=True)

    async def waiting_owners(
        self, job_types: Names[str], priority: int, now: datetime
    ) -> list[str]:
        """The API keys whose jobs of *priority* may start now, by id."""
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
        """Of each of *owners* its oldest jobs of *priority* that may start now, *limit* at most."""
        of_priority = {**_due(job_types, now), "priority": priority}
        found = await asyncio.gather(*(self._oldest(of_priority, one, limit) for one in owners))
        return list(itertools.chain.from_iterable(found))

    async def _oldest(self, of_priority: Document, owner: str, limit: int) -> list[Candidate]:
        found = await self._jobs.find(
            {**of_priority, "owner": owner},
            projection=CANDIDATE,
            # By _id too, as the index lies: the jobs of one batch have one run_at. $in over
            # job_type is merged in that order, so nothing is sorted.
            sort=[("run_at", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
            hint=BY_ORDER,
        )
        return [_candidate(document) for document in found]

    async def next_due(self, job_types: Names[str], now: datetime) -> Candidate | None:
        """Of the jobs not yet due the one that is due first."""
        found = await self._by_run_at(_waiting(job_types, {"$gt": now}), 1)
        return found[0] if found else None

    async def scheduled(self, job_id: str, now: datetime) -> Candidate | None:
        """The job, if it waits for a time still ahead."""
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
