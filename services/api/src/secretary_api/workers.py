"""Clients' actions on workers: list the live ones, pause and resume job types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from secretary_api.access.principal import Principal
from secretary_api.jobs.job_types import KnownJobTypes
from secretary_api.schemas.worker import WorkerView
from secretary_common.errors import NotFound, StoreUnavailable
from secretary_common.models import JobTypeInfo, WorkerReport
from secretary_common.ports import Doorbell, JobRepository, WorkerRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)


MAX_AGE_SEC = 2.0


class LiveWorkers:
    """Counts the live workers of a job type; reads them again at most every two seconds."""

    def __init__(self, workers: WorkerRepository, clock: Clock) -> None:
        self._workers = workers
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._read_at: datetime | None = None

    async def count(self, job_type: str) -> int | None:
        """Return the number of active workers of *job_type*; None if MongoDB does not answer."""
        now = self._clock.now()
        if self._read_at is None or abs((now - self._read_at).total_seconds()) > MAX_AGE_SEC:
            try:
                self._counts = count_by_type(await self._workers.alive(now))
            except StoreUnavailable:
                return None
            self._read_at = now
        return self._counts[job_type]


def count_by_type(reports: Iterable[WorkerReport]) -> Counter[str]:
    """Return the number of active workers for each job type."""
    return Counter(name for worker in reports if worker.active for name in worker.job_types)


def worker_of(report: WorkerReport, caller: Principal) -> WorkerView:
    """Return the view of a live worker: hosts and messages only for admins, own jobs only."""
    return WorkerView(
        id=report.worker_id,
        seen_at=report.seen_at,
        started_at=report.started_at,
        host=report.host if caller.is_admin else None,
        pid=report.pid if caller.is_admin else None,
        job_types=report.job_types,
        slots=report.slots,
        busy=len(report.running),
        running=[job.job_id for job in report.running if caller.may_see(job.owner)],
        active=report.active,
        listening=report.listening,
        unfit={lack: message if caller.is_admin else "" for lack, message in report.unfit.items()},
    )


@dataclass(frozen=True, slots=True)
class WorkerActions:
    """Lists workers; pauses and resumes job types."""

    workers: WorkerRepository
    job_types: KnownJobTypes
    jobs: JobRepository
    doorbell: Doorbell
    clock: Clock

    async def alive(self) -> list[WorkerReport]:
        """Return the workers that are alive, by id.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        return await self.workers.alive(self.clock.now())

    async def by_type(self) -> Counter[str]:
        """Return the number of active workers for each job type.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        return count_by_type(await self.alive())

    async def pause(self, name: str) -> JobTypeInfo:
        """Pause the type *name*: workers start no more of its jobs, and running jobs continue.

        Raises:
            NotFound: the type was not announced.
            StoreUnavailable: MongoDB did not answer.
        """
        return await self._set_paused(name, paused=True)

    async def resume(self, name: str) -> JobTypeInfo:
        """Resume the type *name*, and ring for its waiting jobs.

        Raises:
            NotFound: the type was not announced.
            StoreUnavailable: MongoDB did not answer.
        """
        info = await self._set_paused(name, paused=False)
        await self._ring_for(name)
        return info

    async def _set_paused(self, name: str, *, paused: bool) -> JobTypeInfo:
        info = await self.job_types.set_paused(name, paused=paused)
        if info is None:
            raise NotFound(f"there is no job type {name[:100]}")
        log.info("job_type.paused" if paused else "job_type.resumed", job_type=name)
        return info

    async def _ring_for(self, name: str) -> None:
        """Ring for as many waiting jobs as there are workers, and for the next scheduled job.

        The doorbells of the waiting jobs were consumed while the type was paused. A worker that
        receives one of these rings looks for the other waiting jobs.
        """
        now = self.clock.now()
        wanted = max(1, (await self.by_type())[name])
        waiting = await self.jobs.candidates([name], now, wanted)
        following = await self.jobs.next_due([name], now)
        for job in waiting:
            await self.doorbell.ring_job(job.job_type, job.job_id, shared=True)
        if following:
            await self.doorbell.ring_job(following.job_type, following.job_id)
