"""Changes of jobs as they come: one read for all jobs that this process is asked to watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job
from secretary_common.ports import JobRepository
from secretary_common.runtime.group_commit import GroupCommit

LOOK_SEC = 0.5
QUIET_SEC = 15.0
"""Proxies give up connections on which nothing comes for long."""
BEFORE_ALL = -1
"""Below each ``seq``: they count from 0."""
_LARGEST = 500


class JobWatch:
    """Watches jobs for whoever follows them. It reads MongoDB: a broker that is away costs nothing.

    All watchers look at the same moments, so that however many there are, a look is one query.
    """

    def __init__(self, jobs: JobRepository, is_stopping: Callable[[], bool]) -> None:
        """*is_stopping*: whether the service is to end, and every watch with it."""
        self._jobs = jobs
        self._is_stopping = is_stopping
        self._looks: GroupCommit[str, Job | None] = GroupCommit(self._look, largest=_LARGEST)

    async def changes(self, job: Job, after: int) -> AsyncIterator[Job | None]:
        """*job* if its ``seq`` is above *after*, then as it is after each change one can see.

        Changes between two looks are told as one. None comes where nothing has come for
        ``QUIET_SEC``. It ends with the job, once it is deleted, or the service stops; while MongoDB
        is away nothing comes.
        """
        loop = asyncio.get_running_loop()
        told_at, found = loop.time(), job
        while True:
            if found.seq > after:
                after, told_at = found.seq, loop.time()
                yield found
            elif loop.time() - told_at >= QUIET_SEC:
                told_at = loop.time()
                yield None
            if found.has_ended:
                return
            await asyncio.sleep(LOOK_SEC - loop.time() % LOOK_SEC)
            try:
                current = await self._looks.submit(job.job_id)
            except StoreUnavailable:
                current = found
            if current is None or self._is_stopping():
                return
            found = current

    async def _look(self, job_ids: list[str]) -> list[Job | None]:
        found = {job.job_id: job for job in await self._jobs.summaries(set(job_ids))}
        return [found.get(job_id) for job_id in job_ids]
