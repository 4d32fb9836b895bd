"""The claims of one worker: counted while they are made, looked for when their answer was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, Lease
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock
from secretary_worker.attempt.hold import Hold
from secretary_worker.engine.leases import LeaseKeeper

Ask = Callable[[Lease], Awaitable[Job | None]]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A claim whose answer was lost: the job may be ours."""

    job_id: str
    lease: Lease
    sent_at: float


class Claims:
    """Claims jobs and gives what was won to *on_won*, whatever becomes of who asked for it."""

    def __init__(
        self,
        jobs: JobRepository,
        keeper: LeaseKeeper,
        clock: Clock,
        on_won: Callable[[Hold], None],
    ) -> None:
        self._jobs = jobs
        self._keeper = keeper
        self._clock = clock
        self._on_won = on_won
        self._under_way: set[asyncio.Task[bool]] = set()
        self._doubts: list[Doubt] = []

    @property
    def undecided(self) -> int:
        """Claims under way, and those of which nobody knows yet whether they were won."""
        return len(self._under_way) + len(self._doubts)

    async def claim(self, job_id: str, job_types: Collection[str]) -> bool:
        """Claim a waiting job, if it is of these types; whether it was won.

        Raises:
            StoreUnavailable: nobody knows; see ``settle_doubts``.
        """
        return await self._make(
            job_id, lambda lease: self._jobs.claim(job_id, lease, self._clock.now(), job_types)
        )

    async def reclaim(self, ended: Job) -> bool:
        """Claim a job whose lease has ended; as ``claim``."""
        return await self._make(
            ended.job_id, lambda lease: self._jobs.reclaim(ended, lease, self._clock.now())
        )

    async def settle_doubts(self) -> None:
        """Find claims whose answer was lost; those past their lease are somebody else's.

        Raises:
            StoreUnavailable: the rest stays in doubt.
        """
        while self._doubts:
            doubt = self._doubts[0]
            job = await self._jobs.held(doubt.job_id, doubt.lease.token)
            self._doubts.remove(doubt)
            if job and job.lease and job.lease.expires_at > self._clock.now():
                self._on_won(Hold(job, doubt.lease, doubt.sent_at))

    async def finish(self) -> None:
        """Wait for the claims under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _make(self, job_id: str, ask: Ask) -> bool:
        # A task of its own: a doorbell's task ends with its connection, but a job that was won
        # must be run all the same.
        task = asyncio.create_task(self._asked(job_id, ask))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _asked(self, job_id: str, ask: Ask) -> bool:
        lease, sent_at = self._keeper.lease(), time.monotonic()
        try:
            job = await ask(lease)
        except StoreUnavailable:
            self._doubts.append(Doubt(job_id, lease, sent_at))
            raise
        if job is not None:
            self._on_won(Hold(job, lease, sent_at))
        return job is not None
