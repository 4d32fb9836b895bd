"""Finds due deliveries in MongoDB: by lane, or by job."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from secretary_common.models import DueDelivery, Lane
from secretary_common.mongo.deliveries.document import CHOICE, NOT_NEWER, WAITS
from secretary_common.mongo.deliveries.reader import DeliveryReader
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.stored.shape import EARLIEST, LATEST

_BOTH = (False, True)


class MongoDueDeliveries:
    """The part that finds due deliveries (``ports.DeliveryQueue``)."""

    _deliveries: Collection
    _reader: DeliveryReader

    async def waiting_lanes(self) -> dict[Lane, datetime]:
        found = await asyncio.gather(*(self._lanes(is_retry=one) for one in _BOTH))
        return {lane: at for lanes in found for lane, at in lanes.items()}

    async def _lanes(self, *, is_retry: bool) -> dict[Lane, datetime]:
        # In exactly this form MongoDB jumps from origin to origin (DISTINCT_SCAN), so the cost does
        # not depend on the number of waiting deliveries.
        found = await self._deliveries.aggregate(
            [
                {"$match": {"is_retry": is_retry, **WAITS}},
                {"$sort": {"is_retry": 1, "origin": 1, "next_attempt_at": 1}},
                {"$group": {"_id": "$origin", "at": {"$first": "$next_attempt_at"}}},
            ]
        )
        return {
            Lane(each["_id"], is_retry): each["at"]
            for each in found
            if isinstance(each["_id"], str) and isinstance(each["at"], datetime)
        }

    async def due(self, lanes: Names[Lane], now: datetime, limit: int) -> list[DueDelivery]:
        found = await asyncio.gather(
            *(
                self._waiting(part, {"$gte": EARLIEST, "$lte": now}, CHOICE, limit)
                for part in _parts(lanes)
            )
        )
        return await self._reader.due(document for part in found for document in part)

    async def next_due_at(self, lanes: Names[Lane], now: datetime) -> datetime | None:
        found = await asyncio.gather(
            *(
                self._waiting(part, {"$gt": now, "$lt": LATEST}, ["next_attempt_at"], 1)
                for part in _parts(lanes)
            )
        )
        moments = [document["next_attempt_at"] for part in found for document in part]
        return min(moments, default=None)

    async def _waiting(
        self, part: Document, at: Document, fields: Sequence[str], limit: int
    ) -> list[Document]:
        return await self._deliveries.find(
            {**part, "next_attempt_at": at, **NOT_NEWER},
            projection=list(fields),
            sort=[("next_attempt_at", ASCENDING)],
            limit=limit,
        )

    async def due_of_jobs(self, order_keys: Names[str], now: datetime) -> dict[str, DueDelivery]:
        found = await self._deliveries.find(
            {
                "job_id": {"$in": sorted(order_keys)},
                "next_attempt_at": {"$gte": EARLIEST, "$lte": now},
                **NOT_NEWER,
            },
            projection=list(CHOICE),
            sort=[("job_id", ASCENDING), ("seq", DESCENDING)],
        )
        return {due.order_key: due for due in await self._reader.due(reversed(found))}


def _parts(lanes: Names[Lane]) -> list[Document]:
    """Return one query for the first attempts in *lanes* and one for the retries."""
    origins = {
        is_retry: sorted(lane.origin for lane in lanes if lane.is_retry is is_retry)
        for is_retry in _BOTH
    }
    return [
        {"is_retry": is_retry, "origin": {"$in": names}}
        for is_retry, names in origins.items()
        if names
    ]
