"""Webhook deliveries in MongoDB: the only queries that read or move them.

A delivery that waits has ``next_attempt_at``; while it is sent, that is the end of its sender's
lease. So one index finds what is due and what was abandoned, and what has ended leaves it.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from secretary_common.errors import StaleClaim
from secretary_common.models import Delivery, DeliveryAttempt, DueDelivery, Lease
from secretary_common.mongo.driver import Collection, Document
from secretary_common.states import DeliveryState, Phase

PENDING, SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value

INDEXES: Sequence[IndexModel] = (
    # The promise itself: at most one attempt in flight a job, over all notifiers.
    IndexModel(
        [("job_id", ASCENDING)],
        name="one_in_flight_per_job",
        unique=True,
        partialFilterExpression={"state": SENDING},
    ),
    IndexModel([("job_id", ASCENDING), ("seq", DESCENDING)], name="of_job"),
    # The origin lets full origins be passed over without reading their documents.
    IndexModel(
        [("next_attempt_at", ASCENDING), ("origin", ASCENDING)],
        name="waiting_by_due_time",
        partialFilterExpression={"next_attempt_at": {"$exists": True}},
    ),
)

_CHOICE = ("job_id", "origin", "phase", "attempts.at")


class MongoDeliveryRepository:
    """MongoDB repository of deliveries (``ports.DeliveryRepository``).

    Every write to a delivery somebody sends names the state and the lease token it expects.
    """

    def __init__(self, collection: Collection) -> None:
        self._deliveries = collection

    async def insert_if_absent(self, delivery: Delivery) -> bool:
        """Store a delivery; False if its id is there already (it is left as it is)."""
        try:
            await self._deliveries.insert_one(_to_document(delivery))
        except DuplicateKeyError:
            return False
        return True

    async def get(self, delivery_id: str) -> Delivery | None:
        """The delivery."""
        return _to_delivery(await self._deliveries.find_one({"_id": delivery_id}))

    async def of_job(self, job_id: str) -> list[Delivery]:
        """All deliveries of a job, by ``seq``."""
        found = await self._deliveries.find({"job_id": job_id}, sort=[("seq", ASCENDING)])
        return [delivery for document in found if (delivery := _to_delivery(document))]

    async def has_pending(self, job_id: str) -> bool:
        """Whether a delivery of this job waits or is being sent."""
        found = await self._deliveries.find_one(
            {"job_id": job_id, "state": {"$in": [PENDING, SENDING]}}, projection=["_id"]
        )
        return found is not None

    async def delete_of_job(self, job_id: str) -> int:
        """Remove the deliveries of a job; returns how many."""
        return await self._deliveries.delete_many({"job_id": job_id})

    async def due(
        self, now: datetime, limit: int, *, except_origins: Names[str] = ()
    ) -> list[DueDelivery]:
        """Deliveries that are due, or whose sender's lease has ended: the longest due first."""
        query: Document = {"next_attempt_at": {"$lte": now}}
        if except_origins:
            query["origin"] = {"$nin": sorted(except_origins)}
        found = await self._deliveries.find(
            query, projection=_CHOICE, sort=[("next_attempt_at", ASCENDING)], limit=limit
        )
        return [_to_due(document) for document in found]

    async def due_of_job(self, job_id: str, now: datetime) -> DueDelivery | None:
        """The latest event of this job that is due: what its sender turns to next."""
        found = await self._deliveries.find_one(
            {"job_id": job_id, "next_attempt_at": {"$lte": now}},
            projection=_CHOICE,
            sort=[("seq", DESCENDING)],
        )
        return _to_due(found) if found else None

    async def next_attempt_at(self, now: datetime) -> datetime | None:
        """When the earliest delivery not yet due is due, or its lease ends."""
        found = await self._deliveries.find_one(
            {"next_attempt_at": {"$gt": now}},
            projection=["next_attempt_at"],
            sort=[("next_attempt_at", ASCENDING)],
        )
        return found["next_attempt_at"] if found else None

    async def claim(self, delivery_id: str, lease: Lease, now: datetime) -> Delivery | None:
        """Take a due (or abandoned) delivery: it is ``sending`` under *lease*."""
        taken = {
            "state": SENDING,
            "lease": lease.model_dump(),
            "next_attempt_at": lease.expires_at,
        }
        try:
            found = await self._deliveries.find_one_and_update(
                {
                    "_id": delivery_id,
                    "state": {"$in": [PENDING, SENDING]},
                    "next_attempt_at": {"$lte": now},
                },
                {"$set": taken},
            )
        except DuplicateKeyError:  # another of its job is in flight
            return None
        return _to_delivery(found)

    async def higher_seq_exists(self, job_id: str, seq: int) -> bool:
        """Whether a later event of this job has become a delivery, whatever came of that."""
        found = await self._deliveries.find_one(
            {"job_id": job_id, "seq": {"$gt": seq}}, projection=["_id"]
        )
        return found is not None

    async def drop_abandoned_progress(self, job_id: str, seq: int, now: datetime) -> bool:
        """End a progress before *seq* that is ``sending`` under an ended lease."""
        done = await self._deliveries.update_one(
            {
                "job_id": job_id,
                "state": SENDING,
                "phase": Phase.PROCESSING.value,
                "seq": {"$lt": seq},
                "next_attempt_at": {"$lte": now},
            },
            {
                "$set": {"state": DeliveryState.DROPPED.value, "reason": "abandoned"},
                "$unset": {"lease": "", "next_attempt_at": ""},
            },
        )
        return done.matched == 1

    async def record(
        self,
        delivery_id: str,
        token: str,
        state: DeliveryState,
        *,
        attempt: DeliveryAttempt | None = None,
        next_attempt_at: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """Write down how the claim under *token* ended.

        Raises:
            StaleClaim: the lease was lost.
        """
        put: Document = {"state": state.value}
        drop: Document = {"lease": ""}
        for name, value in (("next_attempt_at", next_attempt_at), ("reason", reason)):
            if value is None:
                drop[name] = ""
            else:
                put[name] = value
        change: Document = {"$set": put, "$unset": drop}
        if attempt is not None:
            change["$push"] = {"attempts": attempt.model_dump(exclude_none=True)}
        held = {"_id": delivery_id, "state": SENDING, "lease.token": token}
        done = await self._deliveries.update_one(held, change)
        if not done.matched:
            raise StaleClaim("this notifier no longer holds the delivery")


def _to_document(delivery: Delivery) -> Document:
    """*delivery* as it lies in MongoDB: what is None is absent."""
    document = delivery.model_dump(exclude_none=True)
    return {"_id": document.pop("delivery_id"), **document}


def _to_delivery(document: Document | None) -> Delivery | None:
    if document is None:
        return None
    return Delivery.model_validate({"delivery_id": document.pop("_id"), **document})


def _to_due(document: Document) -> DueDelivery:
    return DueDelivery(
        delivery_id=document["_id"],
        job_id=document["job_id"],
        origin=document["origin"],
        is_terminal_event=document["phase"] != Phase.PROCESSING,
        tries=len(document.get("attempts", ())),
    )
