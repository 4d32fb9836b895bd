"""Reads deliveries, and sets aside those that this version cannot read.

A read sets an unreadable delivery aside by one raw write. The write expects the fields as they were
read. While another notifier holds the delivery, the delivery is only shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from collections.abc import Iterable, Sequence
from datetime import timedelta

from pymongo import ASCENDING
from pymongo.errors import PyMongoError

from secretary_common.models import Delivery, DueDelivery, job_id_in
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.models.value import Value
from secretary_common.mongo.deliveries.document import PENDING, SENDING
from secretary_common.mongo.deliveries.set_aside import (
    may_be_set_aside,
    partial_delivery,
    set_aside,
)
from secretary_common.mongo.driver.collection import Collection, Document, Update
from secretary_common.mongo.stored.reader import Reader, Reading, as_read
from secretary_common.mongo.stored.shape import EARLIEST, LATEST
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

BRIEF = ("body", "token", "secret", "headers")
_EXPECTED = ("state", "lease", "tries", "next_attempt_at")
"""The fields that show whether a delivery has changed since it was read."""

# The types other than date and array. A query by ``$not`` or ``$exists`` would read every key.
_NO_DATES = [
    *("null", "bool", "int", "long", "double", "decimal", "string", "object", "objectId"),
    *("binData", "timestamp", "regex", "javascript", "minKey", "maxKey"),
]
_STATES = [state.value for state in DeliveryState]
_ANY_RETRY: Document = {"is_retry": {"$in": [False, True]}}
_ANY_LANE: Document = {**_ANY_RETRY, "origin": {"$gte": ""}}
_EXISTS: Document = {"next_attempt_at": {"$exists": True}}
_NO_TEXT: Document = {"$not": {"$gte": ""}}
# Waiting deliveries that other queries miss, because a field has a type they do not match. Each
# query names the fields of its index in order, so that a healthy database reads nothing.
_HIDDEN: Sequence[tuple[Document, str]] = (
    ({"state": _NO_TEXT}, "newest_by_state"),
    ({"state": {"$nin": _STATES, "$type": "array"}}, "newest_by_state"),
    ({**_ANY_LANE, "next_attempt_at": {"$type": _NO_DATES}}, "waiting_by_lane"),
    ({**_ANY_LANE, "next_attempt_at": {"$lt": EARLIEST}}, "waiting_by_lane"),
    ({**_ANY_LANE, "next_attempt_at": {"$gte": LATEST}}, "waiting_by_lane"),
    ({"is_retry": {"$nin": [False, True]}, **_EXISTS}, "waiting_by_lane"),
    ({**_ANY_RETRY, "origin": _NO_TEXT, **_EXISTS}, "waiting_by_lane"),
)


class _Due(Value):
    """The fields by which a notifier chooses a delivery, as they are stored."""

    delivery_id: str
    job_id: str
    seq: int
    owner: str
    origin: str
    phase: Phase
    tries: int = 0
    endpoint_id: str | None = None


_DELIVERIES: Reader[Delivery] = Reader(
    "deliveries",
    Delivery,
    id_field="delivery_id",
    always=("state",),
    words={"state": DeliveryState.SENDING, "phase": Phase.COMPLETED},
)
_DUES: Reader[_Due] = Reader("deliveries", _Due, id_field="delivery_id")


class DeliveryReader:
    """Reads the deliveries of one collection."""

    def __init__(self, collection: Collection, clock: Clock, retention: timedelta) -> None:
        """*retention*: how long a delivery that is set aside is kept."""
        self._deliveries = collection
        self._clock = clock
        self._retention = retention

    async def show(self, found: Iterable[Document], *, left_out: Names[str] = ()) -> list[Delivery]:
        """Return deliveries for a client: unreadable ones as set aside, newer ones as they are."""
        shown = []
        for document in found:
            reading = _DELIVERIES.read(document, left_out=left_out)
            _DELIVERIES.note(document, reading)
            if reading.is_unreadable:
                shown.append(await self._set_aside(document, reading))
            else:
                shown.append(reading.value or partial_delivery(document, reading))
        return shown

    async def usable(self, found: Iterable[Document]) -> list[Delivery]:
        """Return the deliveries that may be sent; set unreadable ones aside, even leased ones."""
        usable = []
        for document in found:
            reading = _DELIVERIES.read(document)
            _DELIVERIES.note(document, reading)
            if reading.is_unreadable:
                await self._set_aside(document, reading, ours=True)
            elif reading.value is not None and not reading.newer:
                usable.append(reading.value)
        return usable

    async def due(self, found: Iterable[Document]) -> list[DueDelivery]:
        """Return the due deliveries; set aside a delivery with an unreadable field."""
        dues = []
        for document in found:
            reading = _DUES.read(document)
            if reading.is_unreadable:
                whole = await self._deliveries.find_one({"_id": {"$eq": document["_id"]}})
                await self.show([whole] if whole else [])
            elif one := reading.value:
                dues.append(DueDelivery(**{**dict(one), "job_id": job_id_in(one.job_id)}))
        return dues

    async def set_aside_hidden(self, limit: int) -> int:
        """Set aside or repair waiting deliveries that notifiers cannot find; return the count."""
        parts = await asyncio.gather(
            *(self._forgotten(state, limit) for state in (PENDING, SENDING)),
            *(self._deliveries.find(query, limit=limit, hint=hint) for query, hint in _HIDDEN),
        )
        hidden = {str(document["_id"]): document for part in parts for document in part}
        for document in hidden.values():
            reading = _DELIVERIES.read(document)
            _DELIVERIES.note(document, reading)
            if reading.is_unreadable:
                await self._set_aside(document, reading)
            elif reading.value is not None and not reading.newer:
                await self._repair(document, reading.value)
        return len(hidden)

    async def _forgotten(self, state: str, limit: int) -> list[Document]:
        """Return waiting deliveries without a due time, among the oldest *limit*."""
        oldest = await self._deliveries.find(
            {"state": state},
            projection=["next_attempt_at"],
            sort=[("created_at", ASCENDING), ("_id", ASCENDING)],
            limit=limit,
        )
        ids = [one["_id"] for one in oldest if one.get("next_attempt_at") is None]
        return await self._deliveries.find({"_id": {"$in": ids}}) if ids else []

    async def _repair(self, document: Document, delivery: Delivery) -> None:
        """Repair the lane or the time of a readable delivery, so that notifiers find it again."""
        put: Document = {"is_retry": delivery.tries > 0}
        if delivery.next_attempt_at is None:
            put["next_attempt_at"] = self._clock.now()
        await self._write((as_read(document, _EXPECTED), {"$set": put}))

    async def _set_aside(
        self, document: Document, reading: Reading[Delivery], *, ours: bool = False
    ) -> Delivery:
        """Set the delivery aside unless another notifier holds it; return the result."""
        now = self._clock.now()
        delivery = partial_delivery(document, reading)
        odd = {fault.top for fault in reading.faults} - {"delivery_id"}
        if not ours and not may_be_set_aside(delivery, now):
            return delivery
        if document.get("unreadable") and not odd:  # an ``_id`` cannot be changed
            return delivery
        reason = "; ".join(map(str, reading.faults))[:1000]
        kept_until = now + self._retention
        update = set_aside(document, delivery, odd, reason, now=now, kept_until=kept_until)
        await self._write((as_read(document, (*_EXPECTED, *odd)), update))
        ended = {"state": DeliveryState.DEAD, "reason": update["$set"]["reason"], "lease": None}
        return delivery.model_copy(update={**ended, "next_attempt_at": None})

    async def _write(self, update: Update) -> None:
        try:
            await self._deliveries.update_one(*update)
        except PyMongoError as error:  # MongoDB refuses this document; the others go on
            shown = str(update[0]["_id"])[:200]
            log.warning("document.not_set_aside", id=shown, reason=str(error)[:300])
