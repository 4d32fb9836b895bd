"""The webhook outbox of jobs."""

from __future__ import annotations

from datetime import datetime

from pymongo import ASCENDING

from secretary_common.models import Job, NotifySlot
from secretary_common.mongo.document import to_job
from secretary_common.mongo.driver import Collection


class OutboxSlotsInMongo:
    """The outbox part of the job repository (``ports.OutboxSlots``)."""

    _jobs: Collection

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Jobs whose outbox slot is due, the longest due first."""
        found = await self._jobs.find(
            {"notify.due_at": {"$lte": now}}, sort=[("notify.due_at", ASCENDING)], limit=limit
        )
        return [job for document in found if (job := to_job(document))]

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
