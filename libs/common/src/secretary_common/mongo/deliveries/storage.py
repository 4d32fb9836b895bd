"""The storage of deliveries in MongoDB, for clients and the sweeper."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from secretary_common.errors import NotStorable
from secretary_common.models import (
    RESENDABLE,
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    Lease,
    latest_failure,
)
from secretary_common.models.states import DeliveryState
from secretary_common.mongo.deliveries.document import (
    DEAD,
    JOB_PHASES,
    LOST,
    NOT_NEWER,
    PENDING,
    SENDING,
    WAITS,
    beginning_with,
    mute_id,
    of_endpoints,
    of_job,
    to_document,
)
from secretary_common.mongo.deliveries.reader import BRIEF, DeliveryReader
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.stored.page import Way, page_of
from secretary_common.mongo.stored.reader import text_in
from secretary_common.mongo.stored.shape import EARLIEST

RECOVERED_AT_ONCE = 500
NEWEST_SEARCHED = 100
"""The last failure of an endpoint is sought in this many of its newest deliveries."""
_WITHOUT = dict.fromkeys((*BRIEF, "unreadable.fields"), False)
_LISTED_BY = {
    (): "newest",
    ("owner",): "newest_of_owner",
    ("state",): "newest_by_state",
    ("owner", "state"): "newest_of_owner_by_state",
}
_OLDEST = [("seq", ASCENDING), ("_id", ASCENDING)]
_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]


class MongoDeliveryStorage:
    """The part for clients and the sweeper (``ports.DeliveryStorage``)."""

    _deliveries: Collection
    _muted: Collection
    _reader: DeliveryReader

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        errors = await self._deliveries.insert_each([to_document(each) for each in deliveries])
        outcomes: list[bool | NotStorable] = []
        for place in range(len(deliveries)):
            error = errors.get(place)
            if error is not None and not isinstance(error, DuplicateKeyError | NotStorable):
                raise error
            outcomes.append(error if isinstance(error, NotStorable) else error is None)
        return outcomes

    async def insert_claimed(
        self, deliveries: Sequence[Delivery], leases: Mapping[str, Lease]
    ) -> list[bool | NotStorable]:
        outcomes = await self.insert_absent(
            [
                each.claimed(leases[each.delivery_id]) if each.delivery_id in leases else each
                for each in deliveries
            ]
        )
        pairs = list(zip(deliveries, outcomes, strict=True))
        refused = [one for one, outcome in pairs if one.delivery_id in leases and outcome is False]
        held = await self._held_after_refusal(refused, leases) if refused else set()
        return [
            outcome
            if isinstance(outcome, NotStorable)
            else one.delivery_id in held or (outcome and one.delivery_id in leases)
            for one, outcome in pairs
        ]

    async def _held_after_refusal(
        self, refused: Sequence[Delivery], leases: Mapping[str, Lease]
    ) -> set[str]:
        """Store refused deliveries unclaimed; return those that an earlier call claimed.

        A duplicate key means that the delivery exists, or that its job has another one in flight.
        """
        await self.insert_absent(refused)
        found = await self._deliveries.find(
            {"_id": {"$in": [each.delivery_id for each in refused]}, "state": SENDING},
            projection=["lease"],
        )
        return {
            each["_id"]
            for each in found
            if text_in(each, "lease", "token") == leases[each["_id"]].token
        }

    async def get(self, delivery_id: str) -> Delivery | None:
        found = await self._deliveries.find_one({"_id": delivery_id})
        shown = await self._reader.show([found] if found else [])
        return shown[0] if shown else None

    async def of_job(
        self, job_id: str, *, after: tuple[int, str] | None = None, limit: int | None = None
    ) -> list[Delivery]:
        place: Document = {}
        if after is not None:
            seq, last = after
            place["seq"] = {"$gte": seq}
            place["$or"] = [{"seq": {"$gt": seq}}, {"_id": {"$gt": last}}]
        # Apart, because an index has the events of one receiver in order, and most jobs have one.
        own, others = await asyncio.gather(
            *(
                self._deliveries.find(
                    {"job_id": part, **place},
                    projection=_WITHOUT,
                    sort=[("seq", ASCENDING)] if part == job_id else _OLDEST,
                    limit=limit or 0,
                )
                for part in (job_id, of_endpoints(job_id))
            )
        )
        found = sorted([*own, *others], key=_in_order)[:limit] if others else own
        return await self._reader.show(found, left_out=BRIEF)

    async def find(self, query: DeliveryQuery) -> list[Delivery]:
        return (await self.find_page(query))[0]

    async def find_page(
        self, query: DeliveryQuery
    ) -> tuple[list[Delivery], tuple[datetime, str] | None]:
        filters = _of_owner(query.owner)
        if query.state is not None:
            filters["state"] = query.state.value
        if query.endpoint_id is not None:
            filters["endpoint_id"] = query.endpoint_id
        ways = _ways(filters)
        found, place = await page_of(
            self._deliveries,
            ways,
            filters if query.origin is None else {**filters, **_of_origin(query.origin)},
            common=LOST if query.state is DeliveryState.DEAD else {},
            after=query.after,
            limit=query.limit,
            projection=_WITHOUT,
        )
        return await self._reader.show(found, left_out=BRIEF), place

    async def muted_until(
        self, deliveries: Sequence[Delivery], now: datetime
    ) -> list[datetime | None]:
        ids = [mute_id(each.owner, each.url) for each in deliveries]
        wanted = {"_id": {"$in": sorted(set(ids))}, "until": {"$gt": now}}
        found = await self._muted.find(wanted) if ids else []
        muted = {one["_id"]: one["until"] for one in found}
        return [muted.get(one) for one in ids]

    async def counts(self, owner: str | None = None) -> dict[str, int]:
        waiting = {**_of_owner(owner), "state": {"$in": [PENDING, SENDING]}}
        # The same condition as LOST, but with $in: so the index alone answers.
        dead = {**_of_owner(owner), "state": DEAD, "phase": {"$in": JOB_PHASES}}
        return {
            "pending": await self._deliveries.count(waiting),
            "dead": await self._deliveries.count(dead),
        }

    async def has_pending(self, job_id: str) -> bool:
        found = await self._deliveries.find_one({**of_job(job_id), **WAITS}, projection=["_id"])
        return found is not None

    async def delete_of_job(self, job_id: str, *, spare_until: datetime | None = None) -> int:
        wanted: Document = {**of_job(job_id), **NOT_NEWER}
        if spare_until is not None:
            wanted["expires_at"] = {"$not": {"$gt": spare_until}}
        return await self._deliveries.delete_many(wanted)

    async def resend(self, delivery_id: str, now: datetime) -> bool:
        may_be = [state.value for state in RESENDABLE]
        matched = await self._deliveries.update_one(
            {"_id": delivery_id, "state": {"$in": may_be}, "unreadable": None, **NOT_NEWER},
            _sent_again(now),
        )
        return matched == 1

    async def recover(
        self, since: datetime, until: datetime, now: datetime, *, owner: str | None = None
    ) -> int:
        wanted = {
            **_of_owner(owner),
            **LOST,
            **NOT_NEWER,
            "unreadable": None,
            "created_at": {"$gte": since, "$lt": until},
            # A delivery that dies again at once is not resent again.
            "resent_at": {"$not": {"$gte": now}},
        }
        return await self._send_again(wanted, [DEAD], now)

    async def replay(
        self, endpoint_id: str, since: datetime, until: datetime, now: datetime
    ) -> int:
        missed = [DeliveryState.SKIPPED.value, DEAD]
        wanted = {
            "endpoint_id": endpoint_id,
            "state": {"$in": missed},
            **NOT_NEWER,
            "unreadable": None,
            "created_at": {"$gte": since, "$lt": until},
            "resent_at": {"$not": {"$gte": now}},
        }
        return await self._send_again(wanted, missed, now)

    async def redirect(self, endpoint_id: str, url: str, origin: str) -> None:
        waiting = [PENDING, DEAD, DeliveryState.SKIPPED.value]
        wanted = {"endpoint_id": endpoint_id, "state": {"$in": waiting}, **NOT_NEWER}
        await self._deliveries.update_many(wanted, {"$set": {"url": url, "origin": origin}})

    async def last_failure(self, endpoint_id: str) -> DeliveryAttempt | None:
        newest = await self._deliveries.find(
            {"endpoint_id": endpoint_id},
            projection=["attempts.at", "attempts.status_code"],
            sort=_NEWEST,
            limit=NEWEST_SEARCHED,
        )
        failed = max(newest, key=_failed_at, default=None)
        if failed is None or _failed_at(failed) == EARLIEST:
            return None
        found = await self._deliveries.find({"_id": {"$eq": failed["_id"]}}, projection=_WITHOUT)
        return latest_failure(await self._reader.show(found, left_out=BRIEF))

    async def _send_again(self, wanted: Document, states: list[str], now: datetime) -> int:
        recovered = 0
        while True:
            found = await self._deliveries.find(
                wanted, projection=["_id"], sort=_NEWEST, limit=RECOVERED_AT_ONCE
            )
            if not found:
                return recovered
            ids = [document["_id"] for document in found]
            chosen = {"_id": {"$in": ids}, "state": {"$in": states}}
            recovered += await self._deliveries.update_many(chosen, _sent_again(now))


def _failed_at(document: Document) -> datetime:
    """Return the time of the latest failed attempt of a delivery; EARLIEST if none has failed."""
    stored = document.get("attempts")
    attempts = [one for one in stored if isinstance(one, dict)] if isinstance(stored, list) else []
    failed = (one for one in attempts if one.get("status_code") not in range(200, 300))
    times = (one["at"] for one in failed if isinstance(one.get("at"), datetime))
    return max(times, default=EARLIEST)


def _of_owner(owner: str | None) -> Document:
    return {} if owner is None else {"owner": owner}


def _ways(filters: Document) -> list[Way]:
    """Return the indexes that list the deliveries newest first."""
    owner_and_state = tuple(name for name in ("owner", "state") if name in filters)
    ways = [Way(_LISTED_BY[owner_and_state], {name: filters[name] for name in owner_and_state})]
    if "endpoint_id" in filters:
        ways.insert(0, Way("newest_of_endpoint", {"endpoint_id": filters["endpoint_id"]}))
    return ways


def _in_order(document: Document) -> tuple[float, str]:
    seq = document.get("seq")
    return seq if isinstance(seq, int | float) else 0, str(document["_id"])


def _of_origin(origin: str) -> Document:
    """Match the deliveries to an origin: those of jobs' own webhooks, and those of endpoints."""
    return {"$or": [{"origin": origin}, {"origin": beginning_with(f"{origin} ")}]}


def _sent_again(now: datetime) -> Document:
    return {
        "$set": {
            "state": PENDING,
            "next_attempt_at": now,
            "resent_at": now,
            "tries": 0,
            "is_retry": False,
        },
        "$unset": {"reason": "", "expires_at": ""},
    }
