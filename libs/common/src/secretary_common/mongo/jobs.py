"""Jobs in MongoDB: the only queries that read or move them."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from secretary_common import move
from secretary_common.errors import StaleClaim
from secretary_common.models import (
    Candidate,
    Job,
    JobQuery,
    Lease,
    NotifySlot,
    Outcome,
    ProgressChange,
    Renewal,
    Settled,
    Settlement,
)
from secretary_common.mongo.driver import Collection, Document
from secretary_common.states import JobStatus

PENDING, PROCESSING = JobStatus.PENDING.value, JobStatus.PROCESSING.value
MAY_START: Document = {"cancel_requested": {"$ne": True}, "deleted_at": None}
BRIEF = {"parameters": False, "results": False}


class SecretaryJobRepository:
    """MongoDB repository of jobs (``ports.JobRepository``).

    Every write to a job somebody holds names the state and the lease token it expects.
    """

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection

    async def insert(self, job: Job) -> None:
        """Store a new job durably (majority, journalled)."""
        await self._jobs.insert_one(to_document(job))

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        return _to_job(await self._jobs.find_one({"_id": job_id, "deleted_at": None}))

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        found = await self._jobs.find(
            _listing(query),
            projection=BRIEF,
            sort=[("created_at", DESCENDING), ("_id", DESCENDING)],
            limit=query.limit,
        )
        return [job for document in found if (job := _to_job(document))]

    async def candidates(self, job_types: Names[str], now: datetime, limit: int) -> list[Candidate]:
        """Jobs of these types that may start now: by priority, then by ``run_at``."""
        fields = ("job_type", "priority", "owner", "run_at")
        found = await self._jobs.find(
            {**_waiting(job_types), "run_at": {"$lte": now}},
            projection=fields,
            sort=[("priority", DESCENDING), ("run_at", ASCENDING)],
            limit=limit,
        )
        return [Candidate(job_id=document.pop("_id"), **document) for document in found]

    async def next_run_at(self, job_types: Names[str], now: datetime) -> datetime | None:
        """When the earliest of the jobs not yet due is due."""
        found = await self._jobs.find_one(
            {**_waiting(job_types), "run_at": {"$gt": now}},
            projection=["run_at"],
            sort=[("run_at", ASCENDING)],
        )
        return found["run_at"] if found else None

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Names[str]
    ) -> Job | None:
        """Take a waiting, due job: it is ``processing`` under *lease*, its attempt raised."""
        query = {"_id": job_id, **_waiting(job_types), "run_at": {"$lte": now}}
        return _to_job(
            await self._jobs.find_one_and_update(query, _update(move.claimed(lease, now)))
        )

    async def held(self, job_id: str, token: str) -> Job | None:
        """The job if it stands under the lease *token*: finds a claim whose answer was lost."""
        return _to_job(await self._jobs.find_one(_held(job_id, token)))

    async def ended_leases(self, job_types: Names[str], now: datetime, limit: int) -> list[Job]:
        """Running jobs whose lease has ended, the longest ended first."""
        counted = {"$subtract": ["$attempt", "$forgiven"]}
        wanted: list[Document] = [
            {"job_type": {"$in": sorted(job_types)}},
            {"cancel_requested": True},
            {"$expr": {"$gte": [counted, "$max_attempts"]}},
        ]
        found = await self._jobs.find(
            {"status": PROCESSING, "lease.expires_at": {"$lte": now}, "$or": wanted},
            projection=BRIEF,
            sort=[("lease.expires_at", ASCENDING)],
            limit=limit,
        )
        return [job for document in found if (job := _to_job(document))]

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        """Take over *job*, whose lease has ended; None if it moved on or is cancelled."""
        if job.lease is None:
            return None
        query = {
            **_held(job.job_id, job.lease.token),
            **MAY_START,
            "lease.expires_at": {"$lte": now},
        }
        return _to_job(
            await self._jobs.find_one_and_update(query, _update(move.claimed(lease, now)))
        )

    async def renew(
        self, owner: str, job_ids: Names[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        """Extend the leases *owner* holds on these jobs; jobs not in the answer are lost."""
        ours = {"_id": {"$in": list(job_ids)}, "status": PROCESSING, "lease.owner": owner}
        await self._jobs.update_many(ours, {"$set": {"lease.expires_at": expires_at}})
        found = await self._jobs.find(ours, projection=["lease.token", "cancel_requested"])
        return {
            document["_id"]: Renewal(
                document["lease"]["token"], bool(document.get("cancel_requested"))
            )
            for document in found
        }

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        """Write progress under the attempt's lease; returns the job's ``notified_at``.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        update = _update(move.progressed(change))
        if slot := change.slot:
            put = slot.model_dump(exclude={"due_at"})
            update["$set"] |= {f"notify.{name}": value for name, value in put.items()}
            update["$min"] = {"notify.due_at": slot.due_at}  # an earlier one in the slot stays
        found = await self._jobs.find_one_and_update(
            _held(change.job_id, change.token), update, projection=["notified_at"]
        )
        if found is None:
            raise StaleClaim
        return found.get("notified_at")

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        """End the attempt that holds *job* under *token*. Safe to repeat after a lost answer.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        query = _held(job.job_id, token)
        if ended:
            query["lease.expires_at"] = {"$lte": settlement.at}
        if move.gives_back(settlement):
            query["cancel_requested"] = {"$ne": True}
        done = await self._jobs.update_one(query, _update(move.settled(job, token, settlement)))
        if done.matched:
            return settlement
        return await self._settle_missed(job, token, settlement)

    async def _settle_missed(self, job: Job, token: str, settlement: Settlement) -> Settlement:
        """One read tells why: an answer lost earlier, a cancellation, or a lost lease."""
        found = await self._jobs.find_one({"_id": job.job_id}, projection=["lease", "settled"])
        mark = Settled.model_validate(found["settled"]) if found and "settled" in found else None
        if mark and mark.token == token:
            cancelled = mark.outcome == Outcome.CANCELLED
            return move.as_cancelled(settlement) if cancelled else settlement
        if found and found.get("lease", {}).get("token") == token and move.gives_back(settlement):
            return await self.settle(job, token, move.as_cancelled(settlement))
        raise StaleClaim

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Jobs whose outbox slot is due, the longest due first."""
        found = await self._jobs.find(
            {"notify.due_at": {"$lte": now}}, sort=[("notify.due_at", ASCENDING)], limit=limit
        )
        return [job for document in found if (job := _to_job(document))]

    async def next_slot_at(self, now: datetime) -> datetime | None:
        """When the earliest slot not yet due is due."""
        found = await self._jobs.find_one(
            {"notify.due_at": {"$gt": now}},
            projection=["notify.due_at"],
            sort=[("notify.due_at", ASCENDING)],
        )
        return found["notify"]["due_at"] if found else None

    async def clear_slot(self, job_id: str, seq: int, now: datetime) -> bool:
        """Empty the slot and set ``notified_at``, if it still holds the event *seq*."""
        change = {"$set": {"notified_at": now}, "$unset": {"notify": ""}}
        done = await self._jobs.update_one({"_id": job_id, "notify.seq": seq}, change)
        return done.matched == 1

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        """Move *slot* to *due_at*, if it still holds that event."""
        done = await self._jobs.update_one(
            {"_id": job_id, "notify.seq": slot.seq}, {"$set": {"notify.due_at": due_at}}
        )
        return done.matched == 1


def _waiting(job_types: Names[str]) -> Document:
    return {"status": PENDING, "job_type": {"$in": sorted(job_types)}, **MAY_START}


def _held(job_id: str, token: str) -> Document:
    return {"_id": job_id, "status": PROCESSING, "lease.token": token}


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


def _update(change: move.Change) -> Document:
    parts = {
        "$set": change.put,
        "$unset": dict.fromkeys(change.drop, ""),
        "$inc": change.raised,
    }
    return {operator: fields for operator, fields in parts.items() if fields}


def to_document(job: Job) -> Document:
    """*job* as it lies in MongoDB: what is None is absent, so partial indexes leave it out."""
    document = job.model_dump(exclude_none=True)
    return {"_id": document.pop("job_id"), **document}


def _to_job(document: Document | None) -> Job | None:
    if document is None:
        return None
    return Job.model_validate({"job_id": document.pop("_id"), **document})
