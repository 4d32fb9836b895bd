"""Streams of a job's changes; all streams of a process share their reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from secretary_common.models import Job
from secretary_common.ports import JobRepository
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.resilient_loop import Failures

POLL_SEC = 0.5
QUICK_POLL_SEC = 0.05
QUICK_SEC = 2.0
"""A request that waits for the end of a job looks every ``QUICK_POLL_SEC`` for this time."""
QUIET_SEC = 15.0
"""Proxies close connections that are silent for long."""
BEFORE_ALL = -1
"""A number below each ``seq``, because the first ``seq`` is 0."""
_LARGEST = 500


class JobStream:
    """Streams the changes of jobs. It polls MongoDB, so it works without the broker.

    All streams poll at the same moments, so that up to 500 streams share one query.
    """

    def __init__(
        self,
        jobs: JobRepository,
        is_valid: Callable[[str], Awaitable[bool]],
        is_stopping: Callable[[], bool],
    ) -> None:
        """Take what ends streams.

        Args:
            jobs: the jobs.
            is_valid: whether the API key with this id may still follow jobs.
            is_stopping: whether the service stops; then every stream ends.
        """
        self._jobs = jobs
        self._is_valid = is_valid
        self._is_stopping = is_stopping
        self._failures = Failures("streams")
        self._polls: GroupCommit[tuple[str, str], Job | None] = GroupCommit(
            self._poll, largest=_LARGEST
        )

    async def changes(self, job: Job, after: int, key_id: str) -> AsyncIterator[Job | None]:
        """Yield *job* if its ``seq`` is above *after*, then the job after each visible change.

        Changes between two polls are yielded as one. After ``QUIET_SEC`` without a change the
        stream yields None. The stream ends when the job ends or is deleted, when the API key
        *key_id* is deleted or expires, or when the service stops. While MongoDB does not answer,
        the stream yields no job.
        """
        loop = asyncio.get_running_loop()
        yielded_at, found = loop.time(), job
        while True:
            if found.seq > after:
                after, yielded_at = found.seq, loop.time()
                yield found
            elif loop.time() - yielded_at >= QUIET_SEC:
                yielded_at = loop.time()
                yield None
            if found.has_ended:
                return
            await asyncio.sleep(POLL_SEC - loop.time() % POLL_SEC)
            try:
                current = await self._polls.submit((job.job_id, key_id))
            except Exception as error:  # noqa: BLE001 - logged; the client's stream goes on
                self._failures.record(error)
                current = found
            if current is None or self._is_stopping():
                return
            found = current

    async def wait_for_end(self, job: Job, within_sec: float, key_id: str) -> None:
        """Return when *job* has ended, at the latest after *within_sec*.

        It looks more often in the first seconds, because most jobs are short. It returns early when
        the service stops, and when the API key *key_id* may not follow jobs any more.
        """
        loop = asyncio.get_running_loop()
        began_at, found = loop.time(), job
        while not found.has_ended and (left := began_at + within_sec - loop.time()) > 0:
            is_new = loop.time() - began_at < QUICK_SEC
            step = QUICK_POLL_SEC if is_new else POLL_SEC
            await asyncio.sleep(min(step - loop.time() % step, left))
            try:
                current = await self._polls.submit((job.job_id, key_id))
            except Exception as error:  # noqa: BLE001 - logged; the client gets what is known
                self._failures.record(error)
                continue
            if current is None or self._is_stopping():
                return
            found = current

    async def _poll(self, followed: list[tuple[str, str]]) -> list[Job | None]:
        valid = {key_id: await self._is_valid(key_id) for key_id in {one for _, one in followed}}
        job_ids = {job_id for job_id, key_id in followed if valid[key_id]}
        found = {job.job_id: job for job in await self._jobs.summaries(job_ids)}
        return [found.get(job_id) if valid[key_id] else None for job_id, key_id in followed]
