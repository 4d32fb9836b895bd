"""The writes of one attempt, made in order on the engine's loop.

Handlers queue; this coalesces progress (at most 4 writes a second), has log lines written in
batches and files beside all else, and settles. What clients see of it is ``news.py``; who waits for
what, ``awaiting.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

from secretary_common.errors import (
    ErrorCode,
    NotStorable,
    PermanentError,
    StaleClaim,
    StoreUnavailable,
)
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JobError, JobProgress, JobStatus, Outcome, Settlement
from secretary_common.ports import FileRepository, JobRepository, LogRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.lifecycle import cancel_and_wait
from secretary_common.runtime.log import get_logger
from secretary_worker.attempt.background import BackgroundWrites
from secretary_worker.attempt.commands import FileContent, LogLine, Results, Sync, What, tell
from secretary_worker.attempt.files import AttemptFiles
from secretary_worker.attempt.hold import Hold
from secretary_worker.attempt.inbox import Inbox
from secretary_worker.attempt.log import AttemptLog
from secretary_worker.attempt.progress import AttemptProgress
from secretary_worker.attempt.settlement import settlement_of, slim
from secretary_worker.attempt.verdict import Interruption, Verdict
from secretary_worker.attempt.waiters import Waiters

log = get_logger(__name__)

FLUSH_SEC = 0.25
STORE_RETRY_SEC = 0.5
LOG_BATCHES = 5
"""Batches of log lines between two writes of progress."""


class AttemptWriter:
    """Writes for the attempt that *hold* stands for, until it is settled or lost."""

    def __init__(
        self,
        hold: Hold,
        jobs: JobRepository,
        logs: LogRepository,
        files: FileRepository,
        clock: Clock,
        *,
        calculator: ResourceCalculator,
        retention: timedelta,
        max_file_bytes: int,
        on_event: Callable[[int], None],
    ) -> None:
        """*on_event* is called with the ``seq`` of each event left in the outbox slot."""
        self._hold = hold
        self._news = AttemptProgress(hold.job, hold.token, jobs, clock, on_event)
        self._journal = AttemptLog(hold.job, logs, clock)
        self._stash = AttemptFiles(hold.job, files, clock, max_file_bytes=max_file_bytes)
        self._clock = clock
        self._calculator = calculator
        self._retention = retention
        self._intake: Inbox[What | FileContent | Sync] = Inbox(self._take)
        self._beside = BackgroundWrites(self._insisting)
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        self._lock = asyncio.Lock()
        self._awaiting = Waiters()
        self._status: JobStatus | None = None
        self._broken: Exception | None = None
        self.error: JobError | None = None
        self.settlement: Settlement | None = None

    def submit(self, what: What | FileContent | Sync) -> None:
        """Take over a write, or a wait for one; may be called from any thread."""
        if isinstance(what, LogLine) and not self._journal.admits(what):
            return
        self._intake.submit(what, urgent=isinstance(what, JobStatus | FileContent | Sync))

    async def catch_up(self) -> None:
        """Return when all that was submitted before is taken over."""
        await self._intake.catch_up()

    def _take(self, what: What | FileContent | Sync) -> None:
        if isinstance(what, Sync):
            self._wait_for(what)
        elif isinstance(what, FileContent):
            self._accept_file(what)
        else:
            self._accept(what)

    def _refusal(self) -> Exception | None:
        lost = self._hold.interruption is Interruption.LEASE_LOST
        return StaleClaim() if lost else self._broken

    @property
    def _has_ended(self) -> bool:
        return self._status is not None or self.settlement is not None

    def _accept(self, what: What) -> None:
        if self._refusal():
            return  # told to who awaits it
        if self._has_ended:
            log.info("attempt.late_write_ignored", what=type(what).__name__)
            return
        match what:
            case JobProgress():
                self._news.note(what)
            case LogLine():
                self._journal.add(what)
            case Results():
                self._stash.results = what
            case JobError():
                self.error = what
            case JobStatus():
                self._status = what
                self._urgent.set()
        self._arrived.set()

    def _accept_file(self, file: FileContent) -> None:
        refusal = self._refusal()
        if refusal is None and not self._has_ended:
            try:
                self._stash.claim(file)
            except PermanentError as error:
                refusal = error
            else:
                self._beside.start(lambda: self._stash.store(file), file.done, file.close)
                return
        file.close()
        tell(file.done, refusal)

    def _wait_for(self, sync: Sync) -> None:
        if refusal := self._refusal():
            tell(sync.done, refusal)
        elif self.settlement:
            tell(sync.done)
        elif isinstance(sync.what, JobStatus):
            self._awaiting.end(sync.done)
        elif self._status:  # a late write
            tell(sync.done)
        elif isinstance(sync.what, Results):
            self._keep(sync.what, sync.done)
        else:
            self._awaiting.flush(sync.done)
            self._arrived.set()

    def _keep(self, results: Results, done: Future[None]) -> None:
        if results is not self._stash.results:  # there are newer ones
            tell(done)
            return

        async def keep() -> None:
            await self._stash.keep(results)

        self._beside.start(keep, done)

    async def run(self) -> None:
        """Write what comes; runs until cancelled, or the handler has ended the job.

        Should a write fail for good, the handler is told at this one and each later one it awaits.
        """
        try:
            await self._write_what_comes()
        except Exception as error:  # noqa: BLE001 - told to the handler, whose attempt it ends
            log.error("attempt.write_failed", exc=error)
            self._broken = error
            self._awaiting.refuse(error)

    async def close(self) -> None:
        """Give up what is still being done for the attempt, which is over."""
        await self.catch_up()
        await self._beside.give_up()
        self._stash.let_go()
        if self.settlement is None:
            self._broken = self._broken or StaleClaim()
            self._awaiting.refuse(self._broken)

    async def _write_what_comes(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._status:
                await self._settle_as(self._status)
                return
            async with self._lock:
                await self._insisting(self._flush)
            if not self._arrived.is_set():
                await self._pause()

    async def settle(self, verdict: Verdict) -> Settlement | None:
        """End the attempt with *verdict*, unless its handler did so itself.

        Returns the settlement that stands, or None when the attempt was lost.
        """
        await self.catch_up()
        async with self._lock:
            if self.settlement or verdict.outcome is None:
                return self.settlement
            if await self._write_the_rest(verdict.outcome):
                self._hold.settling = True
                await self._settle_or_fail(self._settlement(verdict.outcome, verdict))
            return self.settlement

    async def _write_the_rest(self, outcome: Outcome) -> bool:
        """Make the writes that come before the end, beside one another; False if it was lost."""
        storing = asyncio.ensure_future(self._store_at_last(outcome))
        try:
            return await self._flush_at_last() and await storing
        finally:
            await cancel_and_wait(storing)

    async def _flush_at_last(self) -> bool:
        """The flush before the settling write, which a fault in lines or progress must not stop."""
        try:
            return await self._insisting(lambda: self._flush(last=True))
        except Exception as error:  # noqa: BLE001 - logged; the end of the job counts for more
            log.error("attempt.write_failed", exc=error)
            self._awaiting.refuse(error)
            return True

    async def _store_at_last(self, outcome: Outcome) -> bool:
        """Have all be stored that *outcome* names; what it does not name is given up."""
        if outcome is not Outcome.COMPLETED:
            await self._beside.give_up()
            return True
        await self._beside.finish()
        results = self._stash.results
        if results is None or results.value is not None:
            return True
        return await self._insisting(lambda: self._stash.keep(results))

    async def _settle_or_fail(self, settlement: Settlement) -> None:
        """Settle; what the job has no room for goes into a file, or is left out."""
        try:
            await self._insisting(lambda: self._settle(settlement))
        except NotStorable as error:
            log.error("attempt.not_storable", exc=error)
            await self._insisting(lambda: self._settle_slim(settlement))

    async def _settle_slim(self, settlement: Settlement) -> None:
        stored = None
        if settlement.outcome is Outcome.COMPLETED and self._stash.results:
            stored = await self._stash.keep(self._stash.results)
        await self._settle(slim(settlement, stored))

    async def _settle_as(self, status: JobStatus) -> None:
        default = JobError(
            code=ErrorCode.PROCESSING_ERROR, message="The handler reported a failure."
        )
        error = (self.error or default) if status is JobStatus.FAILED else None
        await self.settle(Verdict(Outcome(status.value), error))

    def _settlement(self, outcome: Outcome, verdict: Verdict) -> Settlement:
        return settlement_of(
            verdict,
            outcome,
            now=self._clock.now(),
            seq=self._news.next_seq,
            percent=self._news.percent,
            progress=self._news.progress,
            results=self._stash.results,
            results_file=self._stash.results_file,
            files=self._stash.files,
            usage=self._calculator.usage() or None,
            retention=self._retention,
        )

    async def _settle(self, settlement: Settlement) -> None:
        self.settlement = await self._news.settle(settlement)
        self._awaiting.ended()

    async def _flush(self, *, last: bool = False) -> None:
        """Write what has come so far: log lines, a part of them unless somebody waits; progress."""
        with self._awaiting.flushing() as somebody_waits:
            whole = await self._journal.flush(None if somebody_waits or last else LOG_BATCHES)
            if last:
                await self._journal.close()
            if somebody_waits or not last:  # else it goes with the settling write
                await self._news.write_progress()
        if not whole:
            self._arrived.set()

    async def _insisting(self, write: Callable[[], Awaitable[Any]]) -> bool:
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
        self._awaiting.refuse(StaleClaim())
        return False

    async def _pause(self) -> None:
        """Let writes gather for a moment, unless the handler ends the job."""
        try:
            async with asyncio.timeout(FLUSH_SEC):
                await self._urgent.wait()
        except TimeoutError:
            return
