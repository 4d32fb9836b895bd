"""Jobs that wait: what a worker looks through."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from secretary_common.models import Candidate
from secretary_common.mongo.document import waiting
from secretary_common.mongo.driver import Collection


class WaitingJobsInMongo:
    """The waiting half of the job repository (``ports.WaitingJobs``)."""

    _jobs: Collection

    async def candidates(self, job_types: Names[str], now: datetime, limit: int) -> list[Candidate]:
        """Jobs of these types that may start now: by priority, then by ``run_at``."""
        fields = ("job_type", "priority", "owner", "run_at")
        found = await self._jobs.find(
            {**waiting(job_types), "run_at": {"$lte": now}},
            projection=fields,
            sort=[("priority", DESCENDING), ("run_at", ASCENDING)],
            limit=limit,
        )
        return [Candidate(job_id=document.pop("_id"), **document) for document in found]

    async def next_run_at(self, job_types: Names[str], now: datetime) -> datetime | None:
        """When the earliest of the jobs not yet due is due."""
        found = await self._jobs.find_one(
            {**waiting(job_types), "run_at": {"$gt": now}},
            projection=["run_at"],
            sort=[("run_at", ASCENDING)],
        )
        return found["run_at"] if found else None
