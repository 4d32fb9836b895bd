"""Makes the claims of one worker, and looks up a claim whose answer was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, Lease
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.engine.leases import Leases

SendClaim = Callable[[Lease], Awaitable[Job | None]]


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """A claim whose answer was lost: this worker may hold the job."""

    job_id: str
    lease: Lease


class Claims:
    """Claims jobs and passes each claimed job to *on_claimed*, even if the caller is cancelled."""

    def __init__(
        self,
        jobs: JobRepository,
        leases: Leases,
        clock: Clock,
        on_claimed: Callable[[HeldJob], None],
    ) -> None:
        self._jobs = jobs
        self._leases = leases
        self._clock = clock
        self._on_claimed = on_claimed
        self._under_way: set[asyncio.Task[bool]] = set()
        self._lost_answers: list[LostAnswer] = []

    @property
    def undecided(self) -> int:
        """The number of claims whose outcome is unknown: under way, or with a lost answer."""
        return len(self._under_way) + len(self._lost_answers)

    async def claim(self, job_id: str, job_types: Collection[str]) -> bool:
        """Claim a waiting job if it has one of these types. Return whether this worker got the job.

        Raises:
            StoreUnavailable: the outcome is unknown; see ``resolve_lost_answers``.
        """
        return await self._make(
            job_id, lambda lease: self._jobs.claim(job_id, lease, self._clock.now(), job_types)
        )

    async def reclaim(self, expired: Job) -> bool:
        """Claim a job whose lease has expired; see ``claim``."""
        return await self._make(
            expired.job_id, lambda lease: self._jobs.reclaim(expired, lease, self._clock.now())
        )

    async def resolve_lost_answers(self) -> None:
        """Look up each claim whose answer was lost. Run the job if this worker holds it.

        The store confirms the read by a majority of MongoDB's members. The lease may have ended
        meanwhile, so this worker renews the lease first. If the lease is lost, the job does not run
        here.

        Raises:
            StoreUnavailable: the outcome of the remaining claims is still unknown.
        """
        while self._lost_answers:
            lost = self._lost_answers[0]
            token = lost.lease.token
            job = await self._jobs.held(lost.job_id, token)
            renewed_at = await self._leases.renew_claim(lost.job_id, token) if job else None
            self._lost_answers.remove(lost)
            if job and renewed_at is not None:
                self._on_claimed(HeldJob(job, lost.lease, renewed_at))

    async def finish(self) -> None:
        """Wait for the claims under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _make(self, job_id: str, send: SendClaim) -> bool:
        # A separate task, because the task of a doorbell is cancelled with its connection. A job
        # that was claimed must run nevertheless.
        task = asyncio.create_task(self._send(job_id, send))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _send(self, job_id: str, send: SendClaim) -> bool:
        lease, sent_at = self._leases.new(), self._leases.monotonic()
        try:
            job = await send(lease)
        except StoreUnavailable:
            self._lost_answers.append(LostAnswer(job_id, lease))
            raise
        if job is not None:
            self._on_claimed(HeldJob(job, lease, sent_at))
        return job is not None
