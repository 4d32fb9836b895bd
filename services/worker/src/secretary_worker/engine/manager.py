"""Fills the free slots of a worker with jobs. Doorbells and timers shorten its waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from secretary_common.broker.job_consumer import JobConsumer
from secretary_common.broker.message import RingOutcome
from secretary_common.errors import StoreUnavailable
from secretary_common.models import Candidate, Job, Outcome, RunningJob
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.lifecycle import running, wait_for_event
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import Failures, resilient_loop
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.verdict import Interruption
from secretary_worker.engine.claims import GUEST_SEC, Claims, GuestSlot
from secretary_worker.engine.doorbells import Doorbells
from secretary_worker.engine.heartbeat import Place, WorkerState, alone
from secretary_worker.engine.line.candidates import BATCH_SIZE, DUE_SEC, Candidates
from secretary_worker.engine.line.running_limits import RunningLimits
from secretary_worker.engine.reclaim import Reclaimer, ReclaimSchedule
from secretary_worker.engine.runner import Runner
from secretary_worker.engine.startable_types import StartableTypes
from secretary_worker.engine.timers import Timers

log = get_logger(__name__)

# The wait before a look, so that it finds all jobs of a moment. A doorbell's job starts at once.
GATHER_SEC = 0.01
# The longest wait before the look after a doorbell that need not wait for it; see Doorbells.
LOOK_LATER_SEC = 0.1
# The longest wait of a full worker for so many slots that a claim, which costs as much for one job
# as for many, fills several.
REFILL_SEC, LEAST_GROUP = 0.05, 8
CLAIMS_A_BATCH = 6  # a batch of candidates has jobs for so many claims of all slots
PASS_ON_SEC = 0.25  # the shortest time between two turns of a full worker that rings for due jobs
MOST_RUNG = 500  # timers of a worker that stops; other workers poll for the rest
STUCK_SEC = 60.0  # a manager without progress for so long, rests left out, is stuck


class SecretaryWorkerManager:
    """Fills the slots of one worker with jobs and runs each to its end, in turns.

    In a turn the manager claims candidates until no slot is free or no job waits. Then it rests,
    ``poll_interval_sec`` at most. A doorbell, a freed slot or a due timer ends the rest.
    """

    def __init__(
        self,
        jobs: JobRepository,
        runner: Runner,
        reclaimer: Reclaimer,
        types: StartableTypes,
        clock: Clock,
        *,
        limits: RunningLimits,
        slots: int,
        poll_interval_sec: float,
        drain_sec: float,
        guest_slot: bool,
        place: Callable[[], Awaitable[Place]] = alone,
        make_consumer: Callable[[SecretaryWorkerManager], JobConsumer],
    ) -> None:
        """*make_consumer* builds the consumer, which calls ``ring``. *place*: see Candidates."""
        self._runner = runner
        self._leases = runner.leases
        self._reclaimer = reclaimer
        self._types = types
        self._limits = limits
        self._clock = clock
        self.slots = slots
        self._poll_interval_sec = poll_interval_sec
        self._drain_sec = drain_sec
        self._claims = Claims(jobs, runner.leases, limits, clock, self._start)
        self._timers = Timers()
        self._candidates = Candidates(
            jobs,
            limits,
            batch_size=max(BATCH_SIZE, CLAIMS_A_BATCH * slots),
            place=place,
            on_scheduled=self._timers.set,
        )
        self._guest = GuestSlot(self._candidates, self._claims, types, clock, exists=guest_slot)
        self.doorbells = Doorbells(
            jobs,
            self._claims,
            self._candidates,
            types,
            limits,
            timers=self._timers,
            clock=clock,
            worker=self,
            ring=self._ring_for,
        )
        self._running: dict[asyncio.Task[None], HeldJob] = {}
        self._reclaim_schedule = ReclaimSchedule(poll_interval_sec)
        self._retry_at, self._was_full = 0.0, False
        self._failures = Failures("turn")
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self.consumer = make_consumer(self)
        self.last_look_at = self._alive_at = time.monotonic()

    @property
    def free_slots(self) -> int:
        """The slots without a job or a claim of unknown outcome; 0 while the worker is unfit."""
        return max(self._room, 0)

    @property
    def _room(self) -> int:
        """The number of free slots. Below 0 if the worker is unfit, or runs a guest."""
        taken = len(self._running) + self._claims.undecided
        return self.slots - taken if self._runner.fitness.is_fit else -1

    @property
    def _may_take_guest(self) -> bool:
        return self._guest.exists and self._room == 0 and not self._stopping.is_set()

    @property
    def may_take(self) -> bool:
        """Whether a slot is free and the worker does not stop."""
        return not self._stopping.is_set() and self.free_slots > 0

    @property
    def running(self) -> list[HeldJob]:
        """The running jobs."""
        return list(self._running.values())

    def state(self) -> WorkerState:
        """Return the running jobs, whether the worker consumes doorbells, and what it lacks."""
        jobs = [RunningJob(job_id=hold.job.job_id, owner=hold.job.owner) for hold in self.running]
        return WorkerState(jobs, self.consumer.listening, self._runner.fitness.lacks)

    @property
    def is_stuck(self) -> bool:
        """Whether no turn has made progress for too long. An outage or ``stop`` does not count."""
        silent_sec = time.monotonic() - self._alive_at
        return not self._stopping.is_set() and silent_sec > self._poll_interval_sec + STUCK_SEC

    def stop(self) -> None:
        """Claim no more jobs. ``run`` then drains and returns."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until ``stop`` is called, then drain. A shutdown fails no job."""
        try:
            async with running(self.consumer.run()):
                await resilient_loop(
                    "turn", self._turn, stopping=self._stopping, failures=self._failures
                )
        finally:
            await self._drain()

    async def ring(self, job_type: str, job_id: str) -> RingOutcome:
        """Answer a doorbell; see ``Doorbells.answer``."""
        return await self.doorbells.answer(job_type, job_id)

    def look_soon(self) -> None:
        """End the wait of the current turn."""
        self._wake.set()

    def look_later(self) -> None:
        """End the wait of the current turn after ``LOOK_LATER_SEC`` at most."""
        if self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(LOOK_LATER_SEC, self._wake.set)

    def fail(self, error: Exception) -> None:
        """Record an error outside a turn; the next turn waits as long as after a failed turn."""
        self._retry_at = time.monotonic() + self._failures.record(error)
        self._turn_failed(error)

    async def _turn(self) -> None:
        self._wake.clear()
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._alive_at = time.monotonic()
        if (pause := self._retry_at - self._alive_at) > 0:  # a doorbell failed meanwhile
            await wait_for_event(self._stopping, pause)
        due, owed = self._timers.take_due(self._clock.now()), self.doorbells.begin_look()
        try:
            await self._look()
            if self._may_take_guest:
                await self._guest.fill({hold.job.owner for hold in self._running.values()})
            if not self.may_take and (due or owed):
                held = {hold.job.job_id for hold in self._running.values()}
                rest = [job for job in due if job.job_id not in held]
                await self.doorbells.pass_on(rest, owed=owed)
        except Exception as error:
            self._timers.set_all(due)
            self.doorbells.owes_look |= owed
            self._turn_failed(error)
            raise
        self._failures.end()
        await self._rest()

    async def _rest(self) -> None:
        """Wait for the next turn. Consume doorbells if a slot is free."""
        self._was_full = self.free_slots <= 0
        if not self._was_full:
            self.consumer.resume()
            await wait_for_event(self._wake, self._until_due_sec(0.0))
            self._claims.found_by = self._reason_to_look()
            await asyncio.sleep(GATHER_SEC)
        else:
            self.consumer.pause()
            await wait_for_event(self._wake, self._until_due_sec(PASS_ON_SEC))
            self._claims.found_by = self._reason_to_look()
            await self._refill()

    def _reason_to_look(self) -> str:
        """Return what ended a wait, for the metrics."""
        if self._wake.is_set():
            return "doorbell" if self.doorbells.owes_look else "slot"
        due_in = self._timers.until_next_sec(self._clock.now())
        return "poll" if due_in is None or due_in > 0 else "timer"

    async def _refill(self) -> None:
        """Wait for slots whose jobs are being settled, until enough slots for a group are free."""
        enough = min(self.slots, max(LEAST_GROUP, self.slots // 2))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFILL_SEC):
                while self.may_take and self.free_slots < enough and self._leases.any_settles:
                    self._wake.clear()
                    await self._wake.wait()

    async def _look(self) -> None:
        """Claim until no slot is free or no job waits."""
        self._candidates.begin_look()
        await self._claims.resolve_lost_answers()
        await self._reclaim()
        while self.may_take:
            await self._reclaim()  # with many short jobs a look may last for minutes
            startable = await self._types.now()
            now, free = self._clock.now(), self.free_slots
            if not await self._candidates.refresh(startable, now, wanted=free):
                break
            if taken := self._candidates.take(self.free_slots):  # else a doorbell took the slot
                won = await self._claims.claim_candidates(taken, startable)
                self._candidates.end_race(lost=len(won) < len(taken))
            self._alive_at = time.monotonic()
            if self._candidates.is_exhausted and self.consumer.listening:  # later jobs ring
                break
        self.last_look_at = self._alive_at = time.monotonic()

    def _ring_for(self, job: Candidate, *, shared: bool = False) -> None:
        ring = self._runner.doorbell.ring_job(job.job_type, job.job_id, shared=shared)
        self._runner.in_background(ring)

    async def _reclaim(self) -> None:
        """Handle expired leases if it is time (``ReclaimSchedule``) and this worker may reclaim."""
        schedule, now = self._reclaim_schedule, time.monotonic()
        if self._leases.may_reclaim and schedule.is_due(now, self.free_slots):
            schedule.started_at = now
            startable = await self._types.now()
            schedule.jobs_left = await self._reclaimer.reclaim(
                startable, self._take_over, lambda: self.free_slots
            )

    async def _take_over(self, expired: Job) -> bool:
        self._alive_at = time.monotonic()
        # This process may have been stopped since the read, or it holds the job and hands it back.
        is_stale = not self._leases.may_reclaim or self._leases.holds(expired)
        return not is_stale and await self._claims.reclaim(expired)

    def _start(self, hold: HeldJob) -> None:
        self._leases.keep(hold)
        self.doorbells.remember(hold.job.job_id)
        task = asyncio.create_task(self._run(hold))
        self._running[task] = hold
        task.add_done_callback(self._free)

    async def _run(self, hold: HeldJob) -> None:
        settlement = await self._runner.run(hold)
        if settlement and settlement.outcome is Outcome.RETRY and settlement.run_at:
            job, at = hold.job, settlement.run_at
            retry = Candidate(job.job_id, job.job_type, job.priority, job.owner, at)
            if self._stopping.is_set():  # another worker then has its timer
                self._ring_for(retry)
            else:
                self._timers.set(retry)

    def _free(self, task: asyncio.Task[None]) -> None:
        hold = self._running.pop(task)
        has_limit = self._limits.of(hold.job.owner) is not None
        if has_limit:  # the key may start another job, here or on another worker
            self.doorbells.owes_look = True
        # A worker that had free slots knows of no waiting job, and each new job rings.
        if self._was_full or has_limit or not self.consumer.listening:
            self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("attempt.crashed", exc=error, job_id=hold.job.job_id)

    def _turn_failed(self, error: Exception) -> None:
        """Stop consuming doorbells until a turn succeeds."""
        if isinstance(error, StoreUnavailable):
            self._leases.lose_contact()
        self.consumer.pause()
        self._wake.set()

    def _until_due_sec(self, at_least: float) -> float:
        """Return the seconds to the next timer, reclaim or guest, or ``poll_interval_sec``."""
        wait = GUEST_SEC if self._may_take_guest else self._poll_interval_sec
        if self._leases.may_reclaim:
            wait = min(wait, self._reclaim_schedule.until_due_sec(time.monotonic()))
        wait = min(wait, DUE_SEC) if self._candidates.owes_timer else wait
        due_in = self._timers.until_next_sec(self._clock.now())
        return wait if due_in is None else min(wait, max(due_in, at_least))

    async def _drain(self) -> None:
        """Ring for the jobs with timers. Hand back jobs that still run after ``drain_sec``."""
        self._stopping.set()  # an error may have ended the turns
        await self.doorbells.finish()
        await self._claims.finish()
        for job in self._timers.take_all()[:MOST_RUNG]:
            self._ring_for(job)
        try:
            await self._claims.resolve_lost_answers()
            await self.doorbells.pass_on([], owed=self.doorbells.owes_look)
        except Exception as error:  # noqa: BLE001 - logged; other workers reclaim these jobs
            self._failures.record(error)
        if not self._running:
            return
        log.info("worker.draining", running=len(self._running), drain_sec=self._drain_sec)
        await asyncio.wait(self._running, timeout=self._drain_sec)
        # If a job runs after its lease has ended, MongoDB does not answer.
        steps = ((Interruption.SHUTDOWN, self._leases.lease_sec), (Interruption.LEASE_LOST, None))
        for interruption, timeout_sec in steps:
            for hold in self.running:
                hold.interrupt(interruption)
            if self._running:
                await asyncio.wait(self._running, timeout=timeout_sec)
