"""The worker's core: free slots look for jobs, the doorbell and timers end the wait early."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from secretary_common.broker.consumer import Heard, JobConsumer
from secretary_common.clock import Clock
from secretary_common.errors import StoreUnavailable
from secretary_common.lifecycle import running
from secretary_common.log import get_logger
from secretary_common.models import Job, Lease
from secretary_common.ports import JobRepository
from secretary_worker.candidates import BATCH_SIZE, Batch
from secretary_worker.lease import Hold, LeaseKeeper
from secretary_worker.reclaim import Reclaimer
from secretary_worker.runner import Runner
from secretary_worker.verdict import Interruption

log = get_logger(__name__)

STORE_RETRY_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A claim whose answer was lost: the job may be ours."""

    job_id: str
    lease: Lease
    sent_at: float


class SecretaryWorkerManager:
    """Fills the slots of one worker with jobs and sees each to its end.

    A look goes through the waiting jobs in order and claims until no slot is free or nothing is
    found; then the worker listens for doorbells and waits at most ``poll_interval_sec``, or until
    the next scheduled job is due. With no broker the waits alone drive it.
    """

    def __init__(
        self,
        jobs: JobRepository,
        runner: Runner,
        keeper: LeaseKeeper,
        reclaimer: Reclaimer,
        clock: Clock,
        *,
        slots: int,
        poll_interval_sec: float,
        drain_sec: float,
        make_consumer: Callable[[SecretaryWorkerManager], JobConsumer],
    ) -> None:
        """*make_consumer* builds the doorbell's consumer around this manager's ``ring``."""
        self._jobs = jobs
        self._runner = runner
        self._keeper = keeper
        self._reclaimer = reclaimer
        self._clock = clock
        self._slots = slots
        self._poll_interval_sec = poll_interval_sec
        self._drain_sec = drain_sec
        self._job_types = runner.registry.job_types
        self._batch = Batch()
        self._next_run_at: datetime | None = None
        self._running: dict[asyncio.Task[None], Hold] = {}
        self._claiming = 0
        self._swept_at = 0.0
        self._doubts: list[Doubt] = []
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self.consumer = make_consumer(self)
        self.last_look_at = time.monotonic()

    @property
    def free_slots(self) -> int:
        """Slots that run no job, claim none and may hold none unknowingly."""
        return self._slots - len(self._running) - self._claiming - len(self._doubts)

    @property
    def in_contact(self) -> bool:
        """Whether the last word from MongoDB was good."""
        return self._keeper.in_contact

    @property
    def running(self) -> list[Hold]:
        """The jobs being run."""
        return list(self._running.values())

    def stop(self) -> None:
        """Take no more jobs; ``run`` drains and returns."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until ``stop`` is called, then drain: shutdown is not failure."""
        try:
            async with running(self.consumer.run()):
                while not self._stopping.is_set():
                    await self._turn()
        finally:
            await self._drain()

    async def ring(self, _job_type: str, job_id: str) -> Heard:
        """A doorbell: claim its job if there is nothing in line, else look."""
        if self._stopping.is_set() or self.free_slots <= 0:
            return Heard.GIVEN_BACK
        if len(self._batch) == 0:
            try:
                if await self._claim(job_id):
                    return Heard.CLAIMED
            except StoreUnavailable:
                return Heard.GIVEN_BACK
        self._wake.set()
        return Heard.GONE

    async def _turn(self) -> None:
        self._wake.clear()
        try:
            await self._look()
        except StoreUnavailable:
            self._keeper.lose_contact()
            self.consumer.pause()
            log.warning("store.unavailable")
            await self._wait(STORE_RETRY_SEC)
            return
        if self.free_slots > 0:
            self.consumer.resume()
            await self._wait(self._idle_sec())
        else:
            self.consumer.pause()
            await self._wait(self._until_sweep_sec())

    async def _look(self) -> None:
        """Claim until no slot is free or nothing is found."""
        await self._settle_doubts()
        await self._sweep()
        skip = 0.0
        while self.free_slots > 0 and not self._stopping.is_set():
            if (len(self._batch) == 0 or self._batch.is_stale(time.monotonic())) and (
                not await self._read_batch()
            ):
                return
            candidate = self._batch.take(skip)
            won = candidate is None or await self._claim(candidate.job_id)
            skip = 0.0 if won else random.random()  # noqa: S311 - spreads racing workers

    async def _read_batch(self) -> bool:
        """Read who waits, and when the next scheduled job is due. False: nobody waits."""
        now, read_at = self._clock.now(), time.monotonic()
        self._next_run_at = await self._jobs.next_run_at(self._job_types, now)
        self._batch = Batch(await self._jobs.candidates(self._job_types, now, BATCH_SIZE), read_at)
        self.last_look_at = time.monotonic()
        return len(self._batch) > 0

    async def _sweep(self) -> None:
        """See to ended leases once every ``poll_interval_sec``, busy or not."""
        now = time.monotonic()
        if self._keeper.may_reclaim and now - self._swept_at >= self._poll_interval_sec:
            self._swept_at = now
            await self._reclaimer.sweep(self._job_types, self._take_over, lambda: self.free_slots)

    async def _claim(self, job_id: str) -> bool:
        lease, sent_at = self._keeper.lease(), time.monotonic()
        self._claiming += 1
        try:
            job = await self._jobs.claim(job_id, lease, self._clock.now(), self._job_types)
        except StoreUnavailable:
            self._doubts.append(Doubt(job_id, lease, sent_at))
            raise
        finally:
            self._claiming -= 1
        return self._start(job, lease, sent_at)

    async def _take_over(self, ended: Job) -> bool:
        """Reclaim a job whose lease has ended."""
        lease, sent_at = self._keeper.lease(), time.monotonic()
        self._claiming += 1
        try:
            job = await self._jobs.reclaim(ended, lease, self._clock.now())
        except StoreUnavailable:
            self._doubts.append(Doubt(ended.job_id, lease, sent_at))
            raise
        finally:
            self._claiming -= 1
        return self._start(job, lease, sent_at)

    async def _settle_doubts(self) -> None:
        """Find claims whose answer was lost; those past their lease are somebody else's."""
        while self._doubts:
            doubt = self._doubts[0]
            job = await self._jobs.held(doubt.job_id, doubt.lease.token)
            self._doubts.remove(doubt)
            if job and job.lease and job.lease.expires_at > self._clock.now():
                self._start(job, doubt.lease, doubt.sent_at)

    def _start(self, job: Job | None, lease: Lease, sent_at: float) -> bool:
        if job is None:
            return False
        hold = Hold(job, lease, sent_at)
        self._keeper.keep(hold)
        task = asyncio.create_task(self._see_through(hold))
        self._running[task] = hold
        task.add_done_callback(self._free)
        return True

    async def _see_through(self, hold: Hold) -> None:
        settlement = await self._runner.run(hold)
        if settlement and settlement.run_at:
            self._remember(settlement.run_at)

    def _free(self, task: asyncio.Task[None]) -> None:
        hold = self._running.pop(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("attempt.crashed", exc=error, job_id=hold.job.job_id)

    def _remember(self, run_at: datetime) -> None:
        self._next_run_at = min(filter(None, [self._next_run_at, run_at]))

    def _idle_sec(self) -> float:
        """Until the next scheduled job or the next sweep, ``poll_interval_sec`` at most."""
        wait = self._until_sweep_sec()
        if self._next_run_at is None:
            return wait
        due_in = (self._next_run_at - self._clock.now()).total_seconds()
        return min(wait, max(due_in, 0.0))

    def _until_sweep_sec(self) -> float:
        if not self._keeper.may_reclaim:
            return self._poll_interval_sec
        due_in = self._swept_at + self._poll_interval_sec - time.monotonic()
        return min(self._poll_interval_sec, max(due_in, 0.0))

    async def _wait(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _drain(self) -> None:
        """Let running jobs finish for ``drain_sec``, then hand the rest back."""
        if not self._running:
            return
        log.info("worker.draining", running=len(self._running), drain_sec=self._drain_sec)
        await asyncio.wait(self._running, timeout=self._drain_sec)
        for hold in self.running:
            hold.interrupt(Interruption.SHUTDOWN)
        if self._running:
            await asyncio.wait(self._running)
