"""The webhook outbox of jobs in MongoDB."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING

from secretary_common.models import Job, NotifySlot
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.jobs.document import NOT_NEWER
from secretary_common.mongo.jobs.reader import JobReader
from secretary_common.mongo.stored.shape import EARLIEST, LATEST

PARAMETERS = ("parameters", "attempts")
WITHOUT_PARAMETERS = dict.fromkeys(PARAMETERS, False)


class MongoJobOutbox:
    """The part for the outbox (``ports.JobOutbox``)."""

    _jobs: Collection
    _reader: JobReader

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        found = await self._jobs.find(
            {"notify.due_at": {"$gte": EARLIEST, "$lte": now}, **NOT_NEWER},
            projection=WITHOUT_PARAMETERS,
            sort=[("notify.due_at", ASCENDING)],
            limit=limit,
        )
        return await self._reader.usable(found, left_out=PARAMETERS)

    async def next_slot_at(self, now: datetime) -> datetime | None:
        found = await self._jobs.find_one(
            {"notify.due_at": {"$gt": now, "$lt": LATEST}},
            projection=["notify.due_at"],
            sort=[("notify.due_at", ASCENDING)],
        )
        return found["notify"]["due_at"] if found else None

    async def slots_of(self, job_ids: Names[str]) -> list[Job]:
        found = await self._jobs.find(
            {"_id": {"$in": sorted(job_ids)}, "notify.due_at": {"$exists": True}},
            projection=WITHOUT_PARAMETERS,
        )
        return await self._reader.usable(found, left_out=PARAMETERS)

    async def clear_slots(self, events: Sequence[tuple[str, int]], now: datetime) -> set[str]:
        change = {"$set": {"notified_at": now}, "$unset": {"notify": ""}}
        # Most events of a moment have the same few numbers, because jobs of a type are alike.
        of_seq: defaultdict[int, list[str]] = defaultdict(list)
        for job_id, seq in events:
            of_seq[seq].append(job_id)
        done = await self._jobs.update_sets(
            [({"_id": {"$in": ids}, "notify.seq": seq}, change) for seq, ids in of_seq.items()]
        )
        for error in done.errors.values():
            raise error
        if done.matched == len(events):
            return set()
        ids = [job_id for job_id, _ in events]
        held = await self._jobs.find(
            {"_id": {"$in": ids}, "notify.due_at": {"$exists": True}}, projection=["_id"]
        )
        return {document["_id"] for document in held}

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        same = {"_id": job_id, "notify.seq": slot.seq}
        return await self._jobs.update_one(same, {"$set": {"notify.due_at": due_at}}) == 1
