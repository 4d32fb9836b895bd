"""Jobs in MongoDB that wait for a worker. The reads of many jobs use indexes alone.

A job may be megabytes large, and a worker compares hundreds of jobs to claim one. So the indexes
hold all fields by which a worker chooses, and each query is written so that its index suffices.
Most queries also name their index, because the planner may choose an index for which MongoDB must
read documents and sort them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection as Names
from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from secretary_common.models import Candidate
from secretary_common.models.value import Value
from secretary_common.mongo.driver.collection import BY_ID, Collection, Document
from secretary_common.mongo.jobs.document import PENDING
from secretary_common.mongo.jobs.left_alone import LeftAlone
from secretary_common.mongo.jobs.reader import JobReader
from secretary_common.mongo.stored.reader import Reader
from secretary_common.mongo.stored.shape import EARLIEST, LATEST

# The same condition as ``document.MAY_START``, in a form that an index can answer: an index does
# not distinguish null from absent.
MAY_START: Document = {"cancel_requested": {"$ne": True}, "deleted_at": {"$not": {"$gt": EARLIEST}}}
BY_ORDER, BY_RUN_AT = "waiting_by_order", "waiting_by_run_at"
CANDIDATE = ("job_type", "priority", "owner", "run_at")
ORDER = ("owner", "run_at", "_id")
"""The order of the jobs of one priority in the index ``BY_ORDER``."""
PRIORITIES = range(10)


class _Choice(Value):
    """The fields of a candidate as they are stored."""

    job_id: str
    job_type: str
    priority: int
    owner: str
    run_at: datetime


_CHOICES: Reader[_Choice] = Reader("jobs", _Choice, id_field="job_id")


class MongoJobCandidates:
    """The part for waiting jobs (``ports.JobCandidates``)."""

    _jobs: Collection
    _left_alone: LeftAlone
    _reader: JobReader

    async def candidates(self, job_types: Names[str], now: datetime, limit: int) -> list[Candidate]:
        return await self._by_run_at(self._due(job_types, now), limit)

    async def few_waiting(
        self, job_types: Names[str], now: datetime, most: int
    ) -> list[Candidate] | None:
        found = await self._jobs.find(
            self._due(job_types, now),
            projection=CANDIDATE,
            sort=[("priority", DESCENDING), *((name, ASCENDING) for name in ORDER)],
            limit=most,
            hint=BY_ORDER,
        )
        if len(found) >= most:
            return None
        return [one for one in await self._readable(found) if one.priority in PRIORITIES]

    async def waiting_priorities(self, job_types: Names[str], now: datetime) -> list[int]:
        found = await self._jobs.distinct("priority", self._due(job_types, now))
        return sorted((one for one in PRIORITIES if one in found), reverse=True)

    async def waiting_owners(
        self, job_types: Names[str], priority: int, now: datetime
    ) -> list[str]:
        due = {**self._due(job_types, now), "priority": priority}
        found = await self._jobs.distinct("owner", due)
        return sorted(owner for owner in found if isinstance(owner, str))

    async def oldest_waiting(
        self,
        job_types: Names[str],
        priority: int,
        owners: Sequence[str],
        now: datetime,
        limit: int,
    ) -> list[Candidate]:
        of_priority = {**self._due(job_types, now), "priority": priority}
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
        return await self._readable(found)

    async def next_due(self, job_types: Names[str], now: datetime) -> Candidate | None:
        found = await self._by_run_at(self._waiting(job_types, {"$gt": now, "$lt": LATEST}), 1)
        return found[0] if found else None

    async def scheduled(self, job_ids: Names[str], now: datetime) -> list[Candidate]:
        later = {"status": PENDING, "run_at": {"$gt": now}, **MAY_START}
        found = await self._jobs.find(
            {"_id": {"$in": list(job_ids)}, **later}, projection=CANDIDATE, hint=BY_ID
        )
        return await self._readable(found)

    async def _by_run_at(self, query: Document, limit: int) -> list[Candidate]:
        found = await self._jobs.find(
            query, projection=CANDIDATE, sort=[("run_at", ASCENDING)], limit=limit, hint=BY_RUN_AT
        )
        return await self._readable(found)

    async def _readable(self, found: Iterable[Document]) -> list[Candidate]:
        """Return the candidates that can be read; the whole jobs of the others are examined."""
        readable = []
        for document in found:
            reading = _CHOICES.read(document)
            if one := reading.value:
                fields = (one.job_id, one.job_type, one.priority, one.owner, one.run_at)
                readable.append(Candidate(*fields))
            else:
                await self._reader.examine_id(document["_id"])
        return readable

    def _due(self, job_types: Names[str], now: datetime) -> Document:
        return self._waiting(job_types, {"$gte": EARLIEST, "$lte": now})

    def _waiting(self, job_types: Names[str], run_at: Document) -> Document:
        types = {"$in": sorted(job_types)}
        others = self._left_alone.others()
        return {"status": PENDING, "job_type": types, "run_at": run_at, **MAY_START, **others}
