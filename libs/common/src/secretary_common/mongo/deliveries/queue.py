"""Claims and records of deliveries in MongoDB, for notifiers; one write serves many deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError, OperationFailure

from secretary_common.models import (
    MOST_DELIVERY_ATTEMPTS,
    Delivery,
    DeliveryRecord,
    Lease,
    Obstacles,
    Release,
    delivery_id_of,
)
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.mongo.deliveries.document import NOT_NEWER, PENDING, SENDING, mute_id
from secretary_common.mongo.deliveries.reader import DeliveryReader
from secretary_common.mongo.driver.collection import Collection, Document, change_of
from secretary_common.mongo.driver.fault import NOT_APPLICABLE_CODES
from secretary_common.mongo.stored.reader import text_in
from secretary_common.mongo.stored.shape import EARLIEST
from secretary_common.ports import EndpointRepository

_UNTRIED: Document = {"state": PENDING, "attempts.0": {"$exists": False}}
"""Matches deliveries that no notifier has sent, also not before a resend."""


class MongoDeliveryQueue:
    """The part for claims and records (``ports.DeliveryQueue``).

    Every write to a claimed delivery names the state and the lease token that it expects.
    """

    _deliveries: Collection
    _muted: Collection
    _reader: DeliveryReader
    _endpoints: EndpointRepository | None

    async def claim(
        self, delivery_ids: Sequence[str], lease: Lease, now: datetime
    ) -> list[Delivery | None]:
        try:
            await self._deliveries.update_many(
                _claimable({"$in": list(delivery_ids)}, now), _taken(lease)
            )
        except OperationFailure as error:
            # A job has another delivery in flight, or the change does not fit a delivery. MongoDB
            # stopped there, so each delivery of the group is claimed by an update of its own.
            _raise_faults([error])
            await self._claim_each(delivery_ids, lease, now)
        # Also after a repeat that changed nothing: MongoDB acknowledges it once a majority has
        # everything that this read can find.
        found = await self._deliveries.find({"_id": {"$in": list(delivery_ids)}, "state": SENDING})
        ours = [each for each in found if text_in(each, "lease", "token") == lease.token]
        usable = await self._current(await self._reader.usable(ours), now)
        held = {each.delivery_id: each for each in usable}
        return [held.get(delivery_id) for delivery_id in delivery_ids]

    async def _current(self, claimed: list[Delivery], now: datetime) -> list[Delivery]:
        """Return the deliveries with what their endpoints have now; most have no endpoint."""
        ids = {each.endpoint_id for each in claimed if each.endpoint_id}
        if not ids or self._endpoints is None:
            return claimed
        known = await self._endpoints.many(ids)
        return [
            each.with_current(known.get(each.endpoint_id), now) if each.endpoint_id else each
            for each in claimed
        ]

    async def _claim_each(self, delivery_ids: Sequence[str], lease: Lease, now: datetime) -> None:
        done = await self._deliveries.update_each(
            [(_claimable(delivery_id, now), _taken(lease)) for delivery_id in delivery_ids]
        )
        _raise_faults(done.errors.values())

    async def obstacles(self, deliveries: Sequence[Delivery], now: datetime) -> list[Obstacles]:
        newest, muted = await asyncio.gather(
            self._newest_of({each.order_key for each in deliveries}),
            self._muted_of({mute_id(each.owner, each.url) for each in deliveries}, now),
        )
        followers = (_follower_id(each) for each in deliveries)
        followed = {follower for follower in followers if follower}
        untried = await self._untried(followed) if followed else set()
        return [
            Obstacles(
                is_overtaken=newest.get(each.order_key, each.seq) > _last_seq(each, untried),
                is_muted=mute_id(each.owner, each.url) in muted,
            )
            for each in deliveries
        ]

    async def _untried(self, delivery_ids: Names[str]) -> set[str]:
        """Return which of these deliveries wait for the progress before them."""
        query = {"_id": {"$in": sorted(delivery_ids)}, **_UNTRIED}
        return {found["_id"] for found in await self._deliveries.find(query, projection=["_id"])}

    async def _newest_of(self, order_keys: Names[str]) -> dict[str, int]:
        found = await self._deliveries.aggregate(
            [
                {"$match": {"job_id": {"$in": sorted(order_keys)}, "seq": {"$type": "number"}}},
                {"$group": {"_id": "$job_id", "seq": {"$max": "$seq"}}},
            ]
        )
        # Of an unreadable delivery, the key may be an array that contains one of the keys.
        return {each["_id"]: each["seq"] for each in found if isinstance(each["_id"], str)}

    async def _muted_of(self, ids: Names[str], now: datetime) -> set[str]:
        found = await self._muted.find({"_id": {"$in": sorted(ids)}, "until": {"$gt": now}})
        return {document["_id"] for document in found}

    async def drop_abandoned_progress(self, order_key: str, seq: int, now: datetime) -> bool:
        matched = await self._deliveries.update_one(
            {
                "job_id": order_key,
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
        return matched == 1

    async def record(self, records: Sequence[DeliveryRecord]) -> list[bool]:
        done = await self._deliveries.update_each([_recording(record) for record in records])
        _raise_faults(done.errors.values())
        if releases := [record.releases for record in records if record.releases]:
            await self._deliveries.update_each([_releasing(release) for release in releases])
        if done.matched == len(records):
            return [True] * len(records)
        ids = [record.delivery_id for record in records]
        found = await self._deliveries.find({"_id": {"$in": ids}}, projection=["recorded"])
        recorded = {document["_id"]: document.get("recorded") for document in found}
        return [recorded.get(record.delivery_id) == record.token for record in records]

    async def mute(self, owner: str, url: str, until: datetime) -> None:
        change = {"$max": {"until": until}}
        await self._muted.update_one({"_id": mute_id(owner, url)}, change, upsert=True)

    async def unmute(self, owner: str, url: str) -> None:
        await self._muted.delete_many({"_id": mute_id(owner, url)})

    async def remove_expired(self, now: datetime) -> int:
        return await self._deliveries.delete_many({"expires_at": {"$lte": now}, **NOT_NEWER})


def _raise_faults(errors: Iterable[Exception]) -> None:
    """Raise the first error, except duplicate keys and changes that do not fit a document.

    A duplicate key means that the job has another delivery in flight. A change that does not fit
    means that the delivery has become unreadable: the claim is lost.
    """
    for error in errors:
        is_odd = isinstance(error, OperationFailure) and error.code in NOT_APPLICABLE_CODES
        if not is_odd and not isinstance(error, DuplicateKeyError):
            raise error


def _claimable(delivery_id: str | Document, now: datetime) -> Document:
    return {
        "_id": delivery_id,
        "state": {"$in": [PENDING, SENDING]},
        "next_attempt_at": {"$gte": EARLIEST, "$lte": now},
        **NOT_NEWER,
    }


def _taken(lease: Lease) -> Document:
    taken = {
        "state": SENDING,
        "lease": lease.model_dump(exclude_none=True),
        "next_attempt_at": lease.expires_at,
    }
    return {"$set": taken}


def _follower_id(delivery: Delivery) -> str | None:
    followed_by = delivery.followed_by
    return None if followed_by is None else delivery_id_of(delivery.order_key, followed_by)


def _last_seq(delivery: Delivery, untried: Names[str]) -> int:
    """Return the highest ``seq`` of an event that does not overtake *delivery*."""
    followed_by, follower_id = delivery.followed_by, _follower_id(delivery)
    return followed_by if followed_by is not None and follower_id in untried else delivery.seq


def _releasing(release: Release) -> tuple[Document, Document]:
    waiting = {"_id": release.delivery_id, **_UNTRIED, "next_attempt_at": {"$gt": release.at}}
    return waiting, {"$set": {"next_attempt_at": release.at}}


def _recording(record: DeliveryRecord) -> tuple[Document, Document]:
    held = {"_id": record.delivery_id, "state": SENDING, "lease.token": record.token}
    change = change_of(
        {
            "state": record.state.value,
            "recorded": record.token,
            "lease": None,
            "next_attempt_at": record.next_attempt_at,
            "reason": record.reason,
            "expires_at": record.expires_at,
        }
    )
    if record.attempt is not None:
        change["$set"]["is_retry"] = True
        change["$inc"] = {"tries": 1}
        attempt = record.attempt.model_dump(exclude_none=True)
        change["$push"] = {"attempts": {"$each": [attempt], "$slice": -MOST_DELIVERY_ATTEMPTS}}
    return held, change
