"""Carries out the commands of one attempt on the engine's loop.

The writer writes the latest progress at most 4 times a second, log lines in batches, and files in
the background. At the end it settles the job. A short attempt needs only this last write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from secretary_common.errors import NotStorable, PermanentError, StaleClaim, StoreUnavailable
from secretary_common.jobs.attempts import line_of, settled_attempt
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.jobs.storable import cut_text
from secretary_common.models import JobError, JobProgress, JobStatus, Outcome, Settlement
from secretary_common.observing.tracing import Kind, span
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.inbox import Inbox
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.mailbox import Mailbox
from secretary_worker.attempt.background import BackgroundWrites, until_interrupted
from secretary_worker.attempt.commands import (
    AwaitDurable,
    Command,
    LogLine,
    Results,
    StoreFile,
    Update,
    resolve,
)
from secretary_worker.attempt.files import AttemptFiles, WriteToTarget
from secretary_worker.attempt.flush_timer import FlushTimer
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.log_writer import LogWriter
from secretary_worker.attempt.progress import AttemptProgress
from secretary_worker.attempt.settlement import reduced, settlement_of
from secretary_worker.attempt.verdict import Interruption, Verdict, verdict_of_status
from secretary_worker.attempt.waiters import Waiters

log = get_logger(__name__)

STORE_RETRY_SEC = 0.5
_UNREMARKABLE = frozenset({Outcome.COMPLETED, Outcome.CANCELLED})
LOG_BATCHES = 5
"""The most batches of log lines between two writes of progress."""


class AttemptWriter:
    """Writes for the attempt of one held job, until the job is settled or the lease is lost."""

    def __init__(
        self,
        hold: HeldJob,
        progress: AttemptProgress,
        lines: LogWriter,
        files: AttemptFiles,
        clock: Clock,
        *,
        mailbox: Mailbox,
        calculator: ResourceCalculator,
        retention: timedelta,
        write_to_target: WriteToTarget | None = None,
    ) -> None:
        """*mailbox* belongs to the engine's loop. *retention*: how long an ended job is kept."""
        self._hold = hold
        self._progress = progress
        self._log = lines
        self._files = files
        self._clock = clock
        self._calculator = calculator
        self._retention = retention
        self._write_to_target = write_to_target
        self._inbox: Inbox[Command] = Inbox(self._take, mailbox)
        self._background = BackgroundWrites(self._with_retries)
        self._flushes = FlushTimer(self._flush_in_turn)
        self._ending: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._waiters = Waiters()
        self._status: JobStatus | None = None
        self._is_closed = False
        """Whether the settlement has begun: later reports of the handler are ignored."""
        self._is_late_noted = False
        self._failure: Exception | None = None
        self._is_flushed = True
        self.error: JobError | None = None
        self.settlement: Settlement | None = None

    def submit(self, command: Command) -> None:
        """Queue *command*. Thread-safe."""
        if isinstance(command, LogLine) and not self._log.admit(command):
            return
        self._inbox.submit(
            command, urgent=isinstance(command, JobStatus | StoreFile | AwaitDurable)
        )

    async def catch_up(self) -> None:
        """Wait until all commands submitted before this call are taken."""
        await self._inbox.catch_up()

    def _take(self, command: Command) -> None:
        if isinstance(command, AwaitDurable):
            self._await_durable(command)
        elif isinstance(command, StoreFile):
            self._accept_file(command)
        else:
            self._accept(command)

    def _refusal(self) -> Exception | None:
        lost = self._hold.interruption is Interruption.LEASE_LOST
        return StaleClaim() if lost else self._failure

    @property
    def _has_ended(self) -> bool:
        return self._status is not None or self._is_closed

    def _accept(self, update: Update) -> None:
        if self._refusal():
            return  # a caller that awaits the update gets the refusal
        if self._has_ended:
            self._note_late(update)
            return
        match update:
            case JobProgress():
                self._progress.update(update)
                self._flushes.ask()
            case LogLine():
                self._log.add(update)
                self._flushes.ask()
            case Results():
                self._files.results = update
            case JobError():
                self.error = update
            case JobStatus():
                self._status = update
                self._ending = asyncio.create_task(self._end_by_handler(update))

    def _note_late(self, update: Update) -> None:
        """Log the first write after the end; a handler that was left behind may make many."""
        if not self._is_late_noted:
            log.info("attempt.late_write_ignored", what=type(update).__name__)
        self._is_late_noted = True

    def _accept_file(self, file: StoreFile) -> None:
        refusal = self._refusal()
        if refusal is None and not self._has_ended:
            try:
                self._files.reserve_name(file)
            except PermanentError as error:
                refusal = error
            else:
                self._background.start(lambda: self._files.store(file), file.done, file.close)
                return
        file.close()
        resolve(file.done, refusal)

    def _await_durable(self, wait: AwaitDurable) -> None:
        if refusal := self._refusal():
            resolve(wait.done, refusal)
        elif self.settlement:
            resolve(wait.done)
        elif isinstance(wait.update, JobStatus):
            self._waiters.add_for_settlement(wait.done)
        elif self._has_ended:  # a late write, which is ignored
            resolve(wait.done)
        elif isinstance(wait.update, Results):
            self._await_results(wait.update, wait)
        else:
            self._waiters.add_for_flush(wait.done)
            self._flushes.ask(at_once=True)

    def _await_results(self, results: Results, wait: AwaitDurable) -> None:
        if results is self._files.results:
            self._background.start(lambda: self._files.store_results(results), wait.done)
        else:  # newer results have replaced them
            resolve(wait.done)

    async def _end_by_handler(self, status: JobStatus) -> None:
        """Settle with the terminal *status* that the handler has set, while the handler goes on."""
        await self._unless_it_fails(self.settle(verdict_of_status(status, self.error)))

    async def _flush_in_turn(self) -> bool:
        """Flush, unless the attempt has ended. Return False if log lines are left to write."""
        self._is_flushed = True
        async with self._lock:
            if not self._has_ended and self._failure is None:
                await self._unless_it_fails(self._with_retries(self._flush))
        return self._is_flushed

    async def _unless_it_fails(self, writing: Awaitable[object]) -> None:
        """Make a write. A permanent error is raised in the handler that awaits an update."""
        try:
            await writing
        except Exception as error:  # noqa: BLE001 - raised in the handler, whose attempt it ends
            log.error("attempt.write_failed", exc=error)
            self._failure = error
            self._waiters.fail(error)

    async def close(self) -> None:
        """Cancel the writes that are under way. Call this when the attempt is over."""
        await self.catch_up()
        await self._flushes.stop()
        if self._ending:
            await cancel_and_wait(self._ending)
        await self._background.cancel()
        self._files.drop_results()
        if self.settlement is None:
            self._failure = self._failure or StaleClaim()
            self._waiters.fail(self._failure)

    async def settle(self, verdict: Verdict | None) -> Settlement | None:
        """End the attempt with *verdict*, unless the handler has ended it already.

        Returns the settlement that was written, or None if the lease was lost.

        Raises:
            SecretaryError: the target of the job could not be written, or the attempt was
                interrupted meanwhile. Another verdict can follow.
        """
        await self.catch_up()
        self._is_closed = True
        async with self._lock:
            if self.settlement or verdict is None:
                return self.settlement
            self._note_end(verdict)
            with span("settle", parent=self._hold.trace, kind=Kind.CLIENT):
                if await self._write_the_rest(verdict.outcome):
                    await self._write_target(verdict.outcome)
                    await self._settle_held(verdict)
            return self.settlement

    def _note_end(self, verdict: Verdict) -> None:
        """Add a line about an attempt that failed or is handed back to the job's log."""
        if verdict.outcome in _UNREMARKABLE:
            return
        settlement = self._settlement(verdict)
        record = settled_attempt(self._hold.job, settlement)
        if line := line_of(record, settlement.error):
            self._log.add_own(LogLine(line[0], cut_text(line[1])))

    async def _write_the_rest(self, outcome: Outcome) -> bool:
        """Make the last writes before the settlement; return False if the lease is lost."""
        if not self._must_store(outcome):
            return await self._flush_the_rest()
        storing = asyncio.create_task(self._store_the_rest(outcome))
        try:
            return await self._flush_the_rest() and await storing
        finally:
            await cancel_and_wait(storing)

    def _must_store(self, outcome: Outcome) -> bool:
        """Return whether files or results must be stored, or their writes must be cancelled."""
        is_completed = outcome is Outcome.COMPLETED
        return self._background.is_busy or (is_completed and self._files.large_results is not None)

    async def _flush_the_rest(self) -> bool:
        """Flush once more. A fault in progress or log lines must not prevent the settlement."""
        try:
            return await self._with_retries(lambda: self._flush(last=True))
        except Exception as error:  # noqa: BLE001 - logged; the settlement matters more
            log.error("attempt.write_failed", exc=error)
            self._waiters.fail(error)
            return True

    async def _store_the_rest(self, outcome: Outcome) -> bool:
        """Finish the writes of files and results if the job is completed; else cancel them."""
        if outcome is not Outcome.COMPLETED:
            await self._background.cancel()
            return True
        await self._background.finish()
        if results := self._files.large_results:
            return await self._with_retries(lambda: self._files.store_results(results))
        return True

    async def _write_target(self, outcome: Outcome) -> None:
        """Write results and files to the target of a completed job, until it is interrupted."""
        write, job, files = self._write_to_target, self._hold.job, self._files
        if write and job.target is not None and outcome is Outcome.COMPLETED:
            writing = self._with_retries(lambda: write(job, files.results, files.files))
            await until_interrupted(writing, self._hold.interrupted)

    async def _settle_held(self, verdict: Verdict) -> None:
        self._hold.settling = True
        try:
            await self._settle_or_reduce(self._settlement(verdict))
        finally:
            self._hold.settling = self.settlement is not None

    async def _settle_or_reduce(self, settlement: Settlement) -> None:
        """Settle. If the job document has no room, settle with a reduced settlement instead."""
        try:
            await self._with_retries(lambda: self._settle(settlement))
        except NotStorable as error:
            log.error("attempt.not_storable", exc=error)
            await self._with_retries(lambda: self._settle_reduced(settlement))

    async def _settle_reduced(self, settlement: Settlement) -> None:
        stored = None
        if settlement.outcome is Outcome.COMPLETED and self._files.results:
            stored = await self._files.store_results(self._files.results)
        await self._settle(reduced(settlement, stored))

    def _settlement(self, verdict: Verdict) -> Settlement:
        return settlement_of(
            verdict,
            self._progress,
            self._files,
            usage=self._calculator.usage() or None,
            now=self._clock.now(),
            retention=self._retention,
        )

    async def _settle(self, settlement: Settlement) -> None:
        self.settlement = await self._progress.settle(settlement)
        self._waiters.settled()

    async def _flush(self, *, last: bool = False) -> None:
        """Write queued log lines and the latest progress.

        At most ``LOG_BATCHES`` batches of lines are written, unless the handler awaits a flush or
        this is the *last* flush.
        """
        with self._waiters.flushing() as awaited:
            self._is_flushed = await self._log.flush(None if awaited or last else LOG_BATCHES)
            if last:
                await self._log.close()
            if awaited or not last:  # else the settlement holds it
                await self._progress.write()

    async def _with_retries(self, write: Callable[[], Awaitable[object]]) -> bool:
        """Make *write*, and repeat it while MongoDB does not answer. False: the lease is lost."""
        while self._hold.interruption is not Interruption.LEASE_LOST:
            try:
                await write()
            except StoreUnavailable:
                await asyncio.sleep(STORE_RETRY_SEC)
            except StaleClaim:
                log.warning("attempt.lease_lost")
                self._hold.interrupt(Interruption.LEASE_LOST)
            else:
                return True
        self._waiters.fail(StaleClaim())
        return False
