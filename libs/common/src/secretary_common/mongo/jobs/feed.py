"""The feed of changed jobs: a change stream of MongoDB, so no write of a job costs more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from bson import Timestamp
from pymongo.errors import OperationFailure

from secretary_common.errors import FeedLost
from secretary_common.mongo.driver.changes import Changes
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.ports.job_feed import ChangedJobs, FeedPlace
from secretary_common.runtime.clock import Clock

GROUP_SEC = 0.5
WAIT_MS = 250
"""The time for which MongoDB waits for a change before it answers without one."""
LARGEST = 500
OLDEST = timedelta(hours=1)
"""Older places are refused: MongoDB would read its whole log from there on."""
MARGIN = timedelta(seconds=1)
IDLE_MARGIN = timedelta(seconds=30)
"""A quiet feed moves its place to this long before now: a majority has all earlier changes."""
# MongoDB's codes for a place that its log does not have any more: ChangeStreamHistoryLost,
# ChangeStreamFatalError, CappedPositionLost, and the assertion about a start before the log.
LOST_CODES = frozenset({286, 280, 136, 40576})
_VISIBLE: Document = {
    "$or": [
        {"operationType": {"$in": ["insert", "replace"]}},
        {"updateDescription.updatedFields.seq": {"$exists": True}},
    ]
}
_PIPELINE: list[Document] = [
    {"$match": _VISIBLE},
    {"$project": {"documentKey": True, "clusterTime": True, "operationType": True}},
]


class MongoJobFeed:
    """The feed of changed jobs (``ports.JobFeed``)."""

    def __init__(self, collection: Collection, clock: Clock) -> None:
        """*collection*: of the jobs; *clock*: the store's."""
        self._jobs = collection
        self._clock = clock

    def place_at(self, moment: datetime) -> FeedPlace:
        return FeedPlace(int((moment - MARGIN).timestamp()), 0)

    async def changes(self, after: FeedPlace) -> AsyncIterator[ChangedJobs]:
        self._check(after)
        place = after
        try:
            start = Timestamp(*after)
            async with self._jobs.watch(_PIPELINE, start_at=start, wait_ms=WAIT_MS) as stream:
                while True:
                    group = await self._group(stream, place)
                    place = group.place
                    yield group
        except OperationFailure as error:
            if error.code in LOST_CODES:
                raise FeedLost from error
            raise

    def _check(self, after: FeedPlace) -> None:
        now = self._clock.now()
        oldest = int((now - OLDEST).timestamp())
        if not oldest <= after.seconds <= now.timestamp() + 1 or not 0 <= after.number < 2**31:
            raise FeedLost

    async def _group(self, stream: Changes, place: FeedPlace) -> ChangedJobs:
        """Return the changes of ``GROUP_SEC``, or sooner if they are many."""
        loop = asyncio.get_running_loop()
        until = loop.time() + GROUP_SEC
        changed: dict[str, None] = {}
        current = False
        while loop.time() < until and len(changed) < LARGEST:
            event = await stream.try_next()
            current = event is None
            if event is None:
                continue
            place = FeedPlace(event["clusterTime"].time, event["clusterTime"].inc)
            if isinstance(job_id := event["documentKey"]["_id"], str):
                changed.pop(job_id, None)
                changed[job_id] = None
        if current and not changed:
            place = max(place, FeedPlace(int((self._clock.now() - IDLE_MARGIN).timestamp()), 0))
        return ChangedJobs(tuple(changed), place, current)
