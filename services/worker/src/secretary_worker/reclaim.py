"""What happens to jobs whose worker stopped renewing: taken over, or ended when that is due."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from secretary_common.clock import Clock
from secretary_common.errors import StaleClaim
from secretary_common.log import get_logger
from secretary_common.models import Job, Outcome, Settlement, delivery_id_of
from secretary_common.ports import Doorbell, JobRepository
from secretary_worker.verdict import lost_with_worker

log = get_logger(__name__)

SWEEP_SIZE = 50


class Reclaimer:
    """Sweeps ended leases. Ending cancelled and spent jobs is any worker's duty, of any type."""

    def __init__(
        self, jobs: JobRepository, doorbell: Doorbell, clock: Clock, *, retention: timedelta
    ) -> None:
        self._jobs = jobs
        self._doorbell = doorbell
        self._clock = clock
        self._retention = retention

    async def sweep(
        self,
        job_types: Collection[str],
        take_over: Callable[[Job], Awaitable[bool]],
        free_slots: Callable[[], int],
    ) -> None:
        """Go through the ended leases once.

        Args:
            job_types: what this worker can run.
            take_over: reclaims a job for this worker and starts it.
            free_slots: how many slots are free now.
        """
        ended = await self._jobs.ended_leases(job_types, self._clock.now(), SWEEP_SIZE)
        random.shuffle(ended)  # workers that sweep at once part ways
        for job in ended:
            if job.cancel_requested or job.is_spent:
                await self._end(job)
            elif job.job_type in job_types and free_slots() > 0 and await take_over(job):
                log.info("job.reclaimed", job_id=job.job_id, attempt=job.attempt + 1)

    async def _end(self, job: Job) -> None:
        if job.lease is None:
            return
        now = self._clock.now()
        cancelled = job.cancel_requested
        settlement = Settlement(
            outcome=Outcome.CANCELLED if cancelled else Outcome.FAILED,
            at=now,
            seq=job.seq + 1,
            error=None if cancelled else lost_with_worker(job),
            expires_at=now + self._retention,
        )
        try:
            await self._jobs.settle(job, job.lease.token, settlement, ended=True)
        except StaleClaim:
            return  # its worker, or another sweep, was faster
        log.warning("job.ended_without_worker", job_id=job.job_id, outcome=settlement.outcome.value)
        if job.webhook:
            await self._doorbell.ring_delivery(delivery_id_of(job.job_id, settlement.seq))
