"""Removal of old jobs and batches. A step names the state it expects and can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from secretary_common.jobs import transition
from secretary_common.models import KEY_KEPT, FileInfo, FileKind, NotifySlot
from secretary_common.models.states import TERMINAL, JobStatus
from secretary_common.mongo.deliveries.reader import DeliveryReader
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.jobs.document import update_of
from secretary_common.mongo.jobs.reader import JobReader
from secretary_common.mongo.stored.shape import EARLIEST, shape_of
from secretary_common.ports import Expired
from secretary_common.ports.removal import Place
from secretary_common.runtime.clock import Clock, ServerClock

_LONGEST_LOCK = timedelta(hours=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_ENDED = {"$in": sorted(status.value for status in TERMINAL)}
_OPEN = (JobStatus.PENDING.value, JobStatus.PROCESSING.value)


class MongoRemovalRepository:
    """Old jobs and batches in MongoDB (``ports.RemovalRepository``)."""

    def __init__(
        self,
        client: DatabaseClient,
        clock: Clock | None = None,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        """*retention*: how long a document is kept that is set aside."""
        clock = clock or ServerClock()
        self._jobs = client.collection("jobs")
        self._job_reader = JobReader(self._jobs, clock, retention)
        self._delivery_reader = DeliveryReader(client.collection("deliveries"), clock, retention)
        self._batches = client.collection("batches")
        self._cache = client.collection("cache")

    async def expired_jobs(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        found = await self._jobs.find(
            {**_walk("expires_at", before, after), "status": _ENDED},
            projection=[
                *("expires_at", "notify", "deleted_at"),
                *("idempotency.at", "content_removed_at"),
            ],
            sort=[("expires_at", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
        )
        await self._set_aside_odd_slots(found)
        return [
            Expired(
                (document["expires_at"], document["_id"]),
                has_event=document.get("notify") is not None,
                # The sweeper marks the job as deleted too, but later than its expiry.
                deleted=_time_in(document, "deleted_at") <= document["expires_at"],
                keyed_until=_keyed_until(document),
                is_tombstone=document.get("content_removed_at") is not None,
            )
            for document in found
        ]

    async def _set_aside_odd_slots(self, found: Sequence[Document]) -> None:
        """Set aside jobs whose event no notifier can read: the event would keep the job forever."""
        odd = [document["_id"] for document in found if not _is_slot(document.get("notify"))]
        if odd:
            await self._job_reader.usable(await self._jobs.find({"_id": {"$in": odd}}))

    async def set_aside_hidden(self, limit: int) -> int:
        jobs = await self._job_reader.set_aside_hidden(limit)
        return jobs + await self._delivery_reader.set_aside_hidden(limit)

    async def mark_expired_as_deleted(self, job_id: str, before: datetime, now: datetime) -> bool:
        matched = await self._jobs.update_one(
            {"_id": job_id, "status": _ENDED, "expires_at": {"$lte": before}, "notify": None},
            # $min keeps an earlier time: the time when a client deleted the job.
            {"$min": {"deleted_at": now}},
        )
        return matched == 1

    async def make_tombstone(self, job_id: str, now: datetime, until: datetime) -> bool:
        change = update_of(transition.made_tombstone(now, until))
        return await self._jobs.update_one(_marked(job_id), change) == 1

    async def remove_job(self, job_id: str) -> bool:
        return await self._jobs.delete_many(_marked(job_id)) == 1

    async def is_referenced(self, file: FileInfo) -> bool:
        if file.kind is FileKind.UPLOAD:
            upload = {"parameters.file_id": file.file_id, "deleted_at": None}
            return await self._jobs.find_one(upload, projection=["_id"]) is not None
        if file.kind is FileKind.CACHE:
            entry = {"file_id": file.file_id}
            return await self._cache.find_one(entry, projection=["_id"]) is not None
        if file.job_id is None:
            return False
        at_work = {"status": {"$in": _OPEN}, "attempt": file.attempt}
        named = [{"results_file.file_id": file.file_id}, {"files.file_id": file.file_id}, at_work]
        query = {"_id": file.job_id, "$or": named}
        return await self._jobs.find_one(query, projection=["_id"]) is not None

    async def old_batches(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        found = await self._batches.find(
            _walk("created_at", before, after),
            projection=["created_at"],
            sort=[("created_at", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
        )
        return [Expired((document["created_at"], document["_id"])) for document in found]

    async def remove_batch(self, batch_id: str) -> bool:
        if await self._jobs.find_one({"batch_id": batch_id}, projection=["_id"]):
            return False
        return await self._batches.delete_many({"_id": batch_id}) == 1


class MongoLockRepository:
    """Locks in MongoDB (``ports.LockRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._locks = collection

    async def take(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        # A lock whose end cannot be read, or is far away, would keep all processes from its work.
        readable = {"$gt": now, "$lt": now + _LONGEST_LOCK}
        free: list[Document] = [{"owner": owner}, {"expires_at": {"$not": readable}}]
        try:
            await self._locks.update_one(
                {"_id": name, "$or": free},
                {"$set": {"owner": owner, "expires_at": until}},
                upsert=True,
            )
        except DuplicateKeyError:  # the lock exists and is not free
            return False
        return True

    async def release(self, name: str, owner: str) -> None:
        await self._locks.delete_many({"_id": name, "owner": owner})


def _is_slot(slot: object) -> bool:
    """Return whether *slot* is None, or an event of this or a newer version."""
    return slot is None or (
        isinstance(slot, dict)
        and all(fault.word is not None for fault in shape_of(slot, NotifySlot).faults)
    )


def _marked(job_id: str) -> Document:
    """Match an ended job that is marked as deleted and has no event."""
    return {"_id": job_id, "status": _ENDED, "deleted_at": {"$ne": None}, "notify": None}


def _keyed_until(document: Document) -> datetime | None:
    """Return until when the idempotency key counts; None if there is none that can be read."""
    mark = document.get("idempotency")
    at = mark.get("at") if isinstance(mark, dict) else None
    return at + KEY_KEPT if isinstance(at, datetime) else None


def _time_in(document: Document, field: str) -> datetime:
    """Return the time in *field*. Without a time, return a time that never comes."""
    moment = document.get(field)
    return moment if isinstance(moment, datetime) else _NEVER


def _walk(field: str, before: datetime, after: Place | None) -> Document:
    """Match documents up to *before* and behind *after*, in the order of (*field*, ``_id``)."""
    query: Document = {field: {"$gte": EARLIEST, "$lte": before}}
    if after:
        moment, last = after
        # The bound is for the index; the rest orders documents of the same millisecond.
        query[field]["$gte"] = moment
        query["$or"] = [{field: {"$gt": moment}}, {"_id": {"$gt": last}}]
    return query
