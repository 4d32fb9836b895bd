"""Jobs under a lease in MongoDB. Each write names the state, and mostly the lease, it expects."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING
from pymongo.errors import OperationFailure

from secretary_common.jobs import transition
from secretary_common.models import (
    LATEST_RENEWAL,
    STOPPED,
    Job,
    Lease,
    ProgressChange,
    Renewal,
    Settlement,
    WorkerFailure,
)
from secretary_common.mongo.driver.collection import BY_ID, Collection, Document
from secretary_common.mongo.driver.fault import NOT_APPLICABLE_CODES
from secretary_common.mongo.jobs import candidates
from secretary_common.mongo.jobs.document import (
    LEASE_ENDED,
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
from secretary_common.mongo.stored.reader import text_in
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
        query = {"_id": job_id, **claimable(job_types, now)}
        taken = await self._take(query, transition.claimed(lease, now))
        if taken is None:
            for missed in await self._jobs.find({"_id": job_id, **_candidate(now)}):
                await self._examine_missed(missed)
            return None
        return await self._reader.claimed(taken)

    async def claim_many(
        self, job_ids: Sequence[str], lease: Lease, now: datetime, job_types: Names[str]
    ) -> list[Job]:
        if len(job_ids) == 1:  # in one command
            job = await self.claim(job_ids[0], lease, now, job_types)
            return [job] if job else []
        taken = await self._take_many(job_ids, lease, now, job_types)
        return await self._claimed_among(job_ids, lease, now, taken)

    async def _claimed_among(
        self, job_ids: Sequence[str], lease: Lease, now: datetime, taken: int
    ) -> list[Job]:
        """Return the claimed jobs, of which there are *taken*; examine the candidates left."""
        # A majority has acknowledged the claims, so a local read suffices. It finds exactly the
        # claimed jobs, because a token is never used again.
        ours: Document = {"lease.token": lease.token}
        wanted = ours if taken == len(job_ids) else {"$or": [ours, _candidate(now)]}
        claimed: dict[object, Job | None] = {}
        for document in await self._jobs.find({"_id": {"$in": list(job_ids)}, **wanted}):
            if text_in(document, "lease", "token") == lease.token:
                claimed[document["_id"]] = await self._reader.claimed(document)
            else:
                await self._examine_missed(document)
        return [job for job_id in job_ids if (job := claimed.get(job_id))]

    async def _take_many(
        self, job_ids: Sequence[str], lease: Lease, now: datetime, job_types: Names[str]
    ) -> int:
        """Claim these jobs; return how many were claimed."""
        query, change = claimable(job_types, now), transition.claimed(lease, now)
        batch = {"_id": {"$in": list(job_ids)}, **query}
        try:
            return await self._jobs.update_many(batch, update_of(change), hint=BY_ID)
        except OperationFailure as error:
            if error.code not in NOT_APPLICABLE_CODES:
                raise
        # One job stopped the write before it reached the others; see ``_take``.
        taken = [await self._take({"_id": job_id, **query}, change) for job_id in job_ids]
        return sum(one is not None for one in taken)

    async def _take(self, query: Document, change: transition.Change) -> Document | None:
        try:
            return await self._jobs.find_one_and_update(query, update_of(change))
        except OperationFailure as error:
            if error.code not in NOT_APPLICABLE_CODES:
                raise
            return None  # a field has another type; the reader of the job sets it aside

    async def _examine_missed(self, document: Document) -> None:
        """Set aside, or leave alone, a candidate that could not be claimed."""
        if (await self._reader.examine(document)).newer:
            self._left_alone.add(document["_id"])

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
            **LEASE_ENDED,
            **NOT_NEWER,
        }
        taken = await self._take(query, transition.reclaimed(job, lease, now))
        return await self._reader.claimed(taken) if taken else None

    async def record_worker_failure(self, job_id: str, failure: WorkerFailure) -> None:
        query: Document = {
            "_id": job_id,
            "run": failure.run,
            "status": {"$in": [PENDING, PROCESSING]},
            "worker_failures.token": {"$ne": failure.token},
        }
        if failure.how == STOPPED:
            # If another worker holds the job by now, the lease of this attempt is among the lost.
            before = {"lease.token": failure.token, "lost_leases": {"$gte": 1}}
            query["$or"] = [before, {"lost_leases": {"$gte": 2}}]
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
        # A later renewal may have arrived before this one. An end that is much later is not from a
        # renewal: MongoDB's clock was set back.
        later = {"$gt": expires_at, "$lte": expires_at + LATEST_RENEWAL}
        shorter = {**ours, "lease.expires_at": {"$not": later}}
        await self._jobs.update_many(shorter, {"$set": {"lease.expires_at": expires_at}})
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


def claimable(job_types: Names[str], now: datetime) -> Document:
    """Match jobs of these types that may be claimed now."""
    return {**waiting(job_types), "run_at": {"$lte": now}, **NOT_NEWER}


def _candidate(now: datetime) -> Document:
    """Match candidates, also those that this version cannot claim; mostly there are none."""
    return {"status": PENDING, "run_at": {"$gte": EARLIEST, "$lte": now}, **candidates.MAY_START}
