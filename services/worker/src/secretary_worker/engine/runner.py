"""Carries out one attempt: runs the handler, decides, settles, rings doorbells."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from secretary_common.errors import Lack, SecretaryError, WorkerUnfit
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import (
    Job,
    JobError,
    JsonObject,
    Outcome,
    Settlement,
)
from secretary_common.observing import tracing
from secretary_common.observing.trace_context import attempt_context, context_of
from secretary_common.observing.tracing import Kind, span
from secretary_common.ports import Doorbell
from secretary_common.runtime.clock import Clock, elapsed_sec
from secretary_common.runtime.log import bind, get_logger
from secretary_common.secrets.cipher import Cipher, UnknownKey
from secretary_common.secrets.secret_field import opened
from secretary_worker.access.job_scope import JobScope, job_scope
from secretary_worker.access.upload import Uploads
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.repository import SecretaryJobRepository
from secretary_worker.attempt.verdict import (
    Ending,
    Interruption,
    Verdict,
    decide,
)
from secretary_worker.attempt.writer import AttemptWriter
from secretary_worker.attempt.writers import AttemptWriters
from secretary_worker.engine.fitness import Fitness
from secretary_worker.engine.handler_call import call_handler
from secretary_worker.engine.handler_loop import HandlerLoop, HandlerRun
from secretary_worker.engine.leases import Leases
from secretary_worker.metrics import run_seconds, settle_seconds, settled
from secretary_worker.registry import Registration, Registry
from secretary_worker.watchdog.marks import Mark

log = get_logger(__name__)

# How long a handler may take to stop before the worker goes on without it. A client must see its
# job cancelled within 2 s after the worker has read the request.
GRACE_SEC = 5.0
CANCEL_GRACE_SEC = 1.5


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs claimed jobs. One instance serves all slots of a worker."""

    writers: AttemptWriters
    doorbell: Doorbell
    leases: Leases
    registry: Registry
    loop: HandlerLoop
    clock: Clock
    cipher: Cipher
    """Decrypts secret parameters. Only the handler gets the decrypted values."""
    uploads: Uploads
    """Opens uploads for handlers."""
    fitness: Fitness
    in_background: Callable[[Coroutine[Any, Any, Any]], None]
    """Rings a doorbell without waiting for it."""

    async def run(self, hold: HeldJob) -> Settlement | None:
        """Run the attempt of *hold* to its end.

        Returns the settlement, or None if the lease was lost.
        """
        job = hold.job
        with (
            bind(job_id=job.job_id, job_type=job.job_type, attempt=job.attempt),
            _traced(hold),
        ):
            started = time.monotonic()
            log.info("job.claimed", run=job.run, priority=job.priority)
            settlement = await self._attempt(hold)
            self._report(hold, settlement, time.monotonic() - started)
            if settlement and settlement.outcome is Outcome.HANDED_BACK:
                self.in_background(self.doorbell.ring_job(job.job_type, job.job_id))
        return settlement

    async def _attempt(self, hold: HeldJob) -> Settlement | None:
        job, clock, calculator = hold.job, self.clock, ResourceCalculator()
        writer = self.writers.open(hold, calculator, self._ring_delivery)
        try:
            started = time.monotonic()
            with span("handle"):
                ending = await self._ending(hold, writer, calculator)
            ran = time.monotonic()
            run_seconds[job.job_type,].observe(ran - started)
            chance = random.random()  # noqa: S311 - no secret: it spreads the next attempts
            verdict = decide(job, ending, clock.now(), chance)
            if verdict:
                self._judge_worker(verdict)
            settlement = await self._settle(hold, writer, verdict)
            settle_seconds[job.job_type,].observe(time.monotonic() - ran)
            return settlement
        finally:
            self.leases.release(hold)
            await writer.close()

    async def _settle(
        self, hold: HeldJob, writer: AttemptWriter, verdict: Verdict | None
    ) -> Settlement | None:
        """Settle with *verdict*. If the target of the job is not written, decide again."""
        try:
            return await writer.settle(verdict)
        except SecretaryError as error:
            if verdict is None or verdict.outcome is not Outcome.COMPLETED:
                raise
            ending = Ending(interruption=hold.interruption, raised=error)
            chance = random.random()  # noqa: S311 - no secret: it spreads the next attempts
            return await writer.settle(decide(hold.job, ending, self.clock.now(), chance))

    def _judge_worker(self, verdict: Verdict) -> None:
        """Report the lack that *verdict* names, or record that the worker has completed a job."""
        if verdict.lack and verdict.error:
            self.fitness.report(verdict.lack, verdict.error.message)
        elif verdict.outcome is Outcome.COMPLETED:
            self.fitness.record_work()

    async def _ending(
        self, hold: HeldJob, writer: AttemptWriter, calculator: ResourceCalculator
    ) -> Ending:
        """Run the handler and return its end. An error of the worker counts as the handler's."""
        try:
            return await self._handle(hold, writer, calculator)
        except Exception as error:  # noqa: BLE001 - without a verdict, the job would lose a lease
            log.error("attempt.crashed", exc=error)
            return Ending(interruption=hold.interruption, raised=error)

    async def _handle(
        self, hold: HeldJob, writer: AttemptWriter, calculator: ResourceCalculator
    ) -> Ending:
        job, registration = hold.job, self.registry[hold.job.job_type]
        repository = SecretaryJobRepository(
            job.job_id,
            writer.submit,
            lambda file_id: self.uploads.open_upload(file_id, job.owner),
            max_file_bytes=self.writers.max_file_bytes,
        )
        mark = Mark(job.job_id, job.run, job.attempt, hold.token)

        def call(visible: Job) -> Awaitable[None]:
            return call_handler(registration, visible, repository, calculator)

        run = HandlerRun(self._marked(registration, job, mark, call), self.writers.mailbox)
        self.loop.start(run)
        await self._wait(run, hold, job.timeout_sec or registration.timeout_sec)
        if not run.ended.done():
            hold.interrupt(Interruption.TIMED_OUT)
            await self._stop(run, hold)
            return Ending(interruption=hold.interruption)
        await writer.catch_up()
        lost = hold.interruption is Interruption.LEASE_LOST
        return Ending(
            # The handler ended before the worker stopped it, so the interruption does not count.
            interruption=Interruption.LEASE_LOST if lost else None,
            raised=run.ended.result(),
            reported_error=writer.error,
        )

    async def _wait(self, run: HandlerRun, hold: HeldJob, timeout_sec: float | None) -> None:
        """Wait until *run* has ended, *hold* is interrupted, or *timeout_sec* is over.

        Time in which this process was stopped does not count.
        """
        seconds = timeout_sec
        while True:
            paused_before = self.leases.paused_sec
            done, _ = await asyncio.wait(
                (run.ended, hold.interrupted), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            self.leases.notice_pause()
            if done or timeout_sec is None:
                return
            seconds = self.leases.paused_sec - paused_before or run.left_of(timeout_sec)
            if seconds <= 0:
                return

    async def _marked(
        self,
        registration: Registration,
        job: Job,
        mark: Mark,
        call: Callable[[Job], Awaitable[None]],
    ) -> None:
        """Run the handler with the part of *job* that it may see. Its marks name the job."""
        scope = JobScope(job.owner, job.file_roots, job.s3_places)
        with self.loop.marks.job(mark), job_scope(scope):
            hidden = {"webhook": None, "endpoints": None, "lease": None, "notify": None}
            parameters = self._opened(job, registration)
            tracing.enter_handler()
            await call(job.model_copy(update={**hidden, "parameters": parameters}))

    def _opened(self, job: Job, registration: Registration) -> JsonObject:
        """Return the parameters with decrypted secrets.

        Raises:
            WorkerUnfit: this worker lacks the key; another worker may have it.
        """
        if not registration.has_secrets:
            return job.parameters
        try:
            parameters: JsonObject = opened(
                job.parameters, registration.schema() or {}, self.cipher.open
            )
        except UnknownKey as error:
            message = "none of security.encryption_keys of the worker opens a secret of the job"
            raise WorkerUnfit(Lack.ENCRYPTION_KEY, message) from error
        return parameters

    async def _stop(self, run: HandlerRun, hold: HeldJob) -> None:
        cancelled = hold.interruption is Interruption.CANCEL_REQUESTED
        grace = CANCEL_GRACE_SEC if cancelled else GRACE_SEC
        run.cancel()
        await asyncio.wait({run.ended}, timeout=grace)
        if not run.ended.done():
            log.warning("handler.left_behind", waited_sec=grace, interruption=hold.interruption)
            self.loop.replace_blocked_loop(run)

    def _ring_delivery(self, job_id: str, seq: int) -> None:
        self.in_background(self.doorbell.ring_slot(job_id, seq))

    def _report(self, hold: HeldJob, settlement: Settlement | None, seconds: float) -> None:
        outcome = settlement.outcome.value if settlement else "lost"
        settled[hold.job.job_type, outcome].inc()
        error = settlement.error if settlement else None
        _note_end(outcome, error)
        log.info(
            "job.settled" if settlement else "job.lost",
            outcome=outcome,
            duration_sec=round(seconds, 3),
            interruption=hold.interruption,
            error_code=error and error.code,
            retry_at=settlement and settlement.run_at,
        )


def _traced(hold: HeldJob) -> contextlib.AbstractContextManager[None]:
    """Trace the attempt of *hold* in the block, and name the trace in log lines."""
    return _attempt_span(hold) if tracing.is_on() else contextlib.nullcontext()


@contextlib.contextmanager
def _attempt_span(hold: HeldJob) -> Iterator[None]:
    job = hold.job
    now = time.time_ns()
    sent_ns = now - int((elapsed_sec() - hold.confirmed_at) * 1e9)
    earlier = attempt_context(job.trace, job.job_id, job.attempt - 1) if job.attempt > 1 else None
    with span(
        f"attempt {job.job_type}",
        parent=context_of(job.trace),
        kind=Kind.CONSUMER,
        context=attempt_context(job.trace, job.job_id, job.attempt),
        links=[earlier] if earlier else (),
        start_ns=sent_ns,
        job_id=job.job_id,
        attempt=job.attempt,
    ):
        here = tracing.current()
        hold.trace = here.context if here else None
        with span("claim", kind=Kind.CLIENT, start_ns=sent_ns):
            pass
        with bind(trace_id=here.context.trace) if here else contextlib.nullcontext():
            yield


def _note_end(outcome: str, error: JobError | None) -> None:
    """Note the end of the attempt whose span is the current one."""
    if here := tracing.current():
        here.note(outcome=outcome, error_code=error.code if error else None)
        here.error = error.code if error else here.error
