"""The writes of one attempt, made in order on the engine's loop.

Handlers queue; this coalesces progress (at most 4 writes a second), batches log lines and settles.
``seq`` is counted here: whoever holds the job computes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

from secretary_common.clock import Clock
from secretary_common.errors import ErrorCode, NotStorable, StaleClaim, StoreUnavailable
from secretary_common.log import get_logger
from secretary_common.models import (
    JobError,
    JobProgress,
    JobStatus,
    LogEntry,
    Outcome,
    ProgressChange,
    Settlement,
)
from secretary_common.outbox import progress_slot
from secretary_common.ports import JobRepository, LogRepository
from secretary_common.resources import ResourceCalculator
from secretary_worker.attempt import LogLine, Results, Write
from secretary_worker.lease import Hold
from secretary_worker.verdict import Interruption, Verdict

log = get_logger(__name__)

FLUSH_SEC = 0.25
STORE_RETRY_SEC = 0.5
DONE = JobProgress(step="completed", percent=100, message="Processing completed")


class AttemptWriter:
    """Writes for the attempt that *hold* stands for, until it is settled or lost."""

    def __init__(
        self,
        hold: Hold,
        jobs: JobRepository,
        logs: LogRepository,
        clock: Clock,
        *,
        calculator: ResourceCalculator,
        retention: timedelta,
        on_event: Callable[[int], None],
    ) -> None:
        """*on_event* is called with the ``seq`` of each event left in the outbox slot."""
        self._hold = hold
        self._job = hold.job
        self._jobs = jobs
        self._logs = logs
        self._clock = clock
        self._calculator = calculator
        self._retention = retention
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        self._lock = asyncio.Lock()
        self._seq = hold.job.seq
        self._log_seq = 0
        self._notified_at = hold.job.notified_at
        self._progress: JobProgress | None = None
        self._percent = 0
        self._lines: list[LogEntry] = []
        self._waiting: list[Future[None]] = []
        self._status: JobStatus | None = None
        self._status_done: Future[None] | None = None
        self._broken: Exception | None = None
        self.results: Results | None = None
        self.error: JobError | None = None
        self.settlement: Settlement | None = None

    def submit(self, write: Write) -> None:
        """Take over a write; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._accept, write)

    def _accept(self, write: Write) -> None:
        lost = self._hold.interruption is Interruption.LEASE_LOST
        if refusal := StaleClaim() if lost else self._broken:
            write.done.set_exception(refusal)
            return
        if self._status or self.settlement:
            log.info("attempt.late_write_ignored", what=type(write.what).__name__)
            write.done.set_result(None)
            return
        self._take(write)
        self._arrived.set()

    def _take(self, write: Write) -> None:
        match write.what:
            case JobProgress() as progress:
                self._percent = max(self._percent, progress.percent)
                self._progress = progress.model_copy(update={"percent": self._percent})
            case LogLine(level, message):
                self._lines.append(self._entry(level, message))
            case Results() as results:
                self.results = results
            case JobError() as error:
                self.error = error
            case JobStatus() as status:
                self._status, self._status_done = status, write.done
                self._urgent.set()
                return
        self._waiting.append(write.done)

    def _entry(self, level: str, message: str) -> LogEntry:
        self._log_seq += 1
        return LogEntry.model_validate(
            {
                "timestamp": self._clock.now(),
                "level": level,
                "message": message,
                "attempt": self._job.attempt,
                "seq": self._log_seq - 1,
            }
        )

    async def run(self) -> None:
        """Write what comes; runs until cancelled, or the handler has ended the job.

        Should a write fail for good, the handler is told at this one and each later one it awaits.
        """
        try:
            await self._write_what_comes()
        except Exception as error:  # noqa: BLE001 - told to the handler, whose attempt it ends
            log.error("attempt.write_failed", exc=error)
            self._broken = error
            self._refuse_waiting(error)

    async def _write_what_comes(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._status:
                await self._settle_as(self._status)
                return
            async with self._lock:
                await self._insisting(self._flush)
            await self._pause()

    async def settle(self, verdict: Verdict) -> Settlement | None:
        """End the attempt with *verdict*, unless its handler did so itself.

        Returns the settlement that stands, or None when the attempt was lost.
        """
        async with self._lock:
            if self.settlement or verdict.outcome is None:
                return self.settlement
            if await self._flush_at_last():
                self._hold.settling = True
                await self._settle_or_fail(self._settlement(verdict.outcome, verdict))
            return self.settlement

    async def _flush_at_last(self) -> bool:
        """The flush before the settling write, which a fault in lines or progress must not stop."""
        try:
            return await self._insisting(self._flush)
        except Exception as error:  # noqa: BLE001 - logged; the end of the job counts for more
            log.error("attempt.write_failed", exc=error)
            self._refuse_waiting(error)
            return True

    async def _settle_or_fail(self, settlement: Settlement) -> None:
        """Settle; results that MongoDB cannot hold (16 MB) fail the job instead of haunting it."""
        try:
            await self._insisting(lambda: self._settle(settlement))
        except NotStorable as error:
            told = JobError(code=error.code, message="The results are too large to be stored.")
            failed = replace(settlement, outcome=Outcome.FAILED, error=told, results=None)
            await self._insisting(lambda: self._settle(failed))

    async def _settle_as(self, status: JobStatus) -> None:
        default = JobError(
            code=ErrorCode.PROCESSING_ERROR, message="The handler reported a failure."
        )
        error = (self.error or default) if status is JobStatus.FAILED else None
        await self.settle(Verdict(Outcome(status.value), error))

    def _settlement(self, outcome: Outcome, verdict: Verdict) -> Settlement:
        now = self._clock.now()
        ended = outcome.status is not JobStatus.PENDING
        completed = outcome is Outcome.COMPLETED
        return Settlement(
            outcome=outcome,
            at=now,
            seq=self._seq + 1,
            results=self.results.value if completed and self.results else None,
            error=verdict.error,
            progress=DONE if completed and self._percent < DONE.percent else None,
            run_at=verdict.run_at,
            usage=self._calculator.usage() or None if ended else None,
            expires_at=now + self._retention if ended else None,
        )

    async def _settle(self, settlement: Settlement) -> None:
        self.settlement = await self._jobs.settle(self._job, self._hold.token, settlement)
        self._seq = self.settlement.seq
        if self._job.webhook and self.settlement.outcome.status is not JobStatus.PENDING:
            self._on_event(self._seq)
        if self._status_done:
            self._status_done.set_result(None)

    async def _flush(self) -> None:
        """Write what has come so far: log lines, then the newest progress."""
        waiting, self._waiting = self._waiting, []
        try:
            await self._flush_lines()
            await self._flush_progress()
        except BaseException:
            self._waiting = waiting + self._waiting
            raise
        for done in waiting:
            done.set_result(None)

    async def _flush_lines(self) -> None:
        while lines := self._lines[:1000]:
            await self._logs.append(self._job.job_id, lines)
            del self._lines[: len(lines)]

    async def _flush_progress(self) -> None:
        progress = self._progress
        if progress is None:
            return
        now = self._clock.now()
        slot = progress_slot(self._job, seq=self._seq + 1, now=now, notified_at=self._notified_at)
        change = ProgressChange(
            self._job.job_id, self._hold.token, self._seq + 1, now, progress, slot
        )
        self._notified_at = await self._jobs.record_progress(change)
        self._seq += 1
        if self._progress is progress:
            self._progress = None
        if slot:
            self._on_event(self._seq)

    async def _insisting(self, write: Callable[[], Awaitable[None]]) -> bool:
        """Make *write*, again while MongoDB does not answer; False if the lease is lost."""
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
        self._refuse_waiting(StaleClaim())
        return False

    def _refuse_waiting(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, []
        for done in [*waiting, *filter(None, [self._status_done])]:
            if not done.done():
                done.set_exception(error)

    async def _pause(self) -> None:
        """Let writes gather for a moment, unless the handler ends the job."""
        try:
            async with asyncio.timeout(FLUSH_SEC):
                await self._urgent.wait()
        except TimeoutError:
            return
