"""Jobs that wait: what a worker looks through."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from secretary_common.models import Candidate
from secretary_common.mongo.document import MAY_START, PENDING, waiting
from secretary_common.mongo.driver import Collection, Document

FIELDS = ("job_type", "priority", "owner", "run_at")


class WaitingJobsInMongo:
    """The waiting half of the job repository (``ports.WaitingJobs``)."""

    _jobs: Collection

    async def candidates(self, job_types: Names[str], now: datetime, limit: int) -> list[Candidate]:
        """Jobs of these types that may start now: by priority, then by ``run_at``."""
        found = await self._jobs.find(
            {**waiting(job_types), "run_at": {"$lte": now}},
            projection=FIELDS,
            sort=[("priority", DESCENDING), ("run_at", ASCENDING)],
            limit=limit,
        )
        return [_candidate(document) for document in found]

    async def next_due(self, job_types: Names[str], now: datetime) -> Candidate | None:
        """The earliest of the jobs not yet due."""
        found = await self._jobs.find_one(
            {**waiting(job_types), "run_at": {"$gt": now}},
            projection=FIELDS,
            sort=[("run_at", ASCENDING)],
        )
        return _candidate(found) if found else None

    async def scheduled(self, job_id: str, now: datetime) -> Candidate | None:
        """The job, if it waits for a time still ahead."""
        found = await self._jobs.find_one(
            {"_id": job_id, "status": PENDING, **MAY_START, "run_at": {"$gt": now}},
            projection=FIELDS,
        )
        return _candidate(found) if found else None


def _candidate(document: Document) -> Candidate:
    return Candidate(job_id=document.pop("_id"), **document)
