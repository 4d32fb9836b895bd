"""The feed of changed jobs, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from secretary_common.errors import FeedLost
from secretary_common.ports import ChangedJobs, FeedPlace
from secretary_common.testing.jobs.repository import InMemoryJobRepository


class InMemoryJobFeed:
    """The feed of changed jobs of *jobs* (``ports.JobFeed``). The store forgets nothing."""

    def __init__(self, jobs: InMemoryJobRepository, pause_sec: float = 0.01) -> None:
        self._changed = jobs.jobs.changed
        self._pause_sec = pause_sec

    def place_at(self, moment: datetime) -> FeedPlace:
        del moment
        return FeedPlace(1, len(self._changed))

    async def changes(self, after: FeedPlace) -> AsyncIterator[ChangedJobs]:
        if after.seconds != 1 or not 0 <= after.number <= len(self._changed):
            raise FeedLost
        count = after.number
        while True:
            changed = tuple(dict.fromkeys(self._changed[count:]))
            count = len(self._changed)
            yield ChangedJobs(changed, FeedPlace(1, count), is_current=True)
            await asyncio.sleep(self._pause_sec)
