"""Jobs under a lease in MongoDB. Each write names the state, and mostly the lease, it expects."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import datetime

from pymongo import ASCENDING
from pymongo.errors import OperationFailure

from secretary_common.jobs import transition
from secretary_common.models import Job, Lease, ProgressChange, Renewal, Settlement, WorkerFailure
from secretary_common.mongo.collection import Collection, Document
from secretary_common.mongo.fault import NOT_APPLICABLE_CODES
from secretary_common.mongo.jobs import candidates
from secretary_common.mongo.jobs.document import (
    MAY_START,
    NOT_NEWER,
    PENDING,
    POISON,
    PROCESSING,
    held,
    update_of,
    waiting,
)
from secretary_common.mongo.jobs.grouped_writes import AttemptEnd
from secretary_common.mongo.jobs.left_alone import LeftAlone
from secretary_common.mongo.jobs.reader import BRIEF, JobReader
from secretary_common.mongo.stored.shape import EARLIEST
from secretary_common.runtime.group_commit import GroupCommit


class MongoJobClaims:
    """The part for attempts (``ports.JobClaims``)."""

    _jobs: Collection
    _reader: JobReader
    _left_alone: LeftAlone
    _progress: GroupCommit[ProgressChange, datetime | None]
    _settlements: GroupCommit[AttemptEnd, Settlement]

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Names[str]
    ) -> Job | None:
        query = {"_id": job_id, **waiting(job_types), "run_at": {"$lte": now}, **NOT_NEWER}
        taken = await self._take(query, transition.claimed(lease, now))
        if taken is None:
            await self._after_miss(job_id, now)
            return None
        return await self._reader.claimed(taken)

    async def _take(self, query: Document, change: transition.Change) -> Document | None:
        try:
            return await self._jobs.find_one_and_update(query, update_of(change))
        except OperationFailure as error:
            if error.code not in NOT_APPLICABLE_CODES:
                raise
            return None  # a field has another type; the reader of the job sets it aside

    async def _after_miss(self, job_id: str, now: datetime) -> None:
        """Set the job aside, or leave it alone, if it is still a candidate. Usually it is not."""
        due = {"$gte": EARLIEST, "$lte": now}
        candidate = {"_id": job_id, "status": PENDING, "run_at": due, **candidates.MAY_START}
        found = await self._jobs.find_one(candidate)
        if found and (await self._reader.examine(found)).newer:
            self._left_alone.add(job_id)

    async def held(self, job_id: str, token: str) -> Job | None:
        found = await self._jobs.find_one_confirmed(held(job_id, token))
        return await self._reader.claimed(found) if found else None

    async def ended_leases(
        self, job_types: Names[str], now: datetime, limit: int, *, lost_leases: int
    ) -> list[Job]:
        wanted: list[Document] = [
            {"job_type": {"$in": sorted(job_types)}},
            {"cancel_requested": True},
            {POISON: {"$exists": True}},
            {"lost_leases": {"$gte": lost_leases}},
        ]
        found = await self._jobs.find(
            {
                "status": PROCESSING,
                "lease.expires_at": {"$lte": now},
                "$or": wanted,
                **NOT_NEWER,
            },
            projection=dict.fromkeys(BRIEF, False),
            sort=[("lease.expires_at", ASCENDING)],
            limit=limit,
        )
        return await self._reader.usable(found, left_out=BRIEF)

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        if job.lease is None:
            return None
        query = {
            **held(job.job_id, job.lease.token),
            **MAY_START,
            POISON: {"$exists": False},
            "lease.expires_at": {"$lte": now},
            **NOT_NEWER,
        }
        taken = await self._take(query, transition.reclaimed(lease, now))
        return await self._reader.claimed(taken) if taken else None

    async def record_worker_failure(self, job_id: str, failure: WorkerFailure) -> None:
        query = {
            "_id": job_id,
            "run": failure.run,
            "status": {"$in": [PENDING, PROCESSING]},
            "worker_failures.token": {"$ne": failure.token},
        }
        await self._jobs.update_one(query, {"$push": {"worker_failures": failure.model_dump()}})

    async def renew(
        self, owner: str, job_ids: Names[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        ours = {
            "_id": {"$in": list(job_ids)},
            "status": PROCESSING,
            "lease.owner": owner,
            "lease.token": {"$type": "string"},
            "lease.0": {"$exists": False},  # an array would fail the write for all jobs
        }
        await self._jobs.update_many(ours, {"$set": {"lease.expires_at": expires_at}})
        found = await self._jobs.find(ours, projection=["lease.token", "cancel_requested"])
        return {
            document["_id"]: Renewal(
                document["lease"]["token"], document.get("cancel_requested") is True
            )
            for document in found
        }

    async def cancel_requested_among(self, job_ids: Names[str]) -> set[str]:
        query = {"_id": {"$in": list(job_ids)}, "cancel_requested": True}
        return {found["_id"] for found in await self._jobs.find(query, projection=["_id"])}

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        return await self._progress.submit(change)

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        return await self._settlements.submit(AttemptEnd(job, token, settlement, lease_ended=ended))
