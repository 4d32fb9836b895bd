"""The writes of one attempt, made in order on the engine's loop.

Handlers queue; this coalesces progress (at most 4 writes a second), has log lines written in
batches and files beside all else, and settles. ``seq`` is counted here: whoever holds the job
computes it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

from secretary_common.clock import Clock
from secretary_common.errors import (
    ErrorCode,
    NotStorable,
    PermanentError,
    StaleClaim,
    StoreUnavailable,
)
from secretary_common.log import get_logger
from secretary_common.models import (
    JobError,
    JobProgress,
    JobStatus,
    Outcome,
    ProgressChange,
    Settlement,
)
from secretary_common.outbox import progress_slot
from secretary_common.ports import FileRepository, JobRepository, LogRepository
from secretary_common.resources import ResourceCalculator
from secretary_common.storable import cleaned, cut_object, cut_text
from secretary_worker.journal import Journal
from secretary_worker.lease import Hold
from secretary_worker.stash import Stash
from secretary_worker.verdict import Interruption, Verdict
from secretary_worker.write import FileContent, LogLine, Results, Sync, What, tell

log = get_logger(__name__)

FLUSH_SEC = 0.25
STORE_RETRY_SEC = 0.5
TAKEN_AT_ONCE = 500
LOG_BATCHES = 5
"""Batches of log lines between two writes of progress."""
DONE = JobProgress(step="completed", percent=100, message="Processing completed")


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
        self._job = hold.job
        self._jobs = jobs
        self._journal = Journal(hold.job, logs, clock)
        self._stash = Stash(hold.job, files, clock, max_file_bytes=max_file_bytes)
        self._clock = clock
        self._calculator = calculator
        self._retention = retention
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._queue: deque[What | FileContent | Sync] = deque()
        self._told = False
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        self._lock = asyncio.Lock()
        self._seq = hold.job.seq
        self._notified_at = hold.job.notified_at
        self._progress: JobProgress | None = None
        self._percent = 0
        self._waiting: list[Future[None]] = []
        self._beside: set[asyncio.Task[None]] = set()
        self._status: JobStatus | None = None
        self._status_waiting: list[Future[None]] = []
        self._broken: Exception | None = None
        self.error: JobError | None = None
        self.settlement: Settlement | None = None

    def submit(self, what: What | FileContent | Sync) -> None:
        """Take over a write, or a wait for one; may be called from any thread."""
        if isinstance(what, LogLine) and not self._journal.admits(what):
            return
        self._queue.append(what)
        if not self._told:
            self._told = True
            self._loop.call_soon_threadsafe(self._drain)

    async def catch_up(self) -> None:
        """Return when all that was submitted before is taken over."""
        left = len(self._queue)
        while left > 0 and self._queue:
            left -= self._take_over()
            await asyncio.sleep(0)

    def _drain(self) -> None:
        self._told = False  # before the first look: who comes later tells again
        self._take_over()
        if self._queue and not self._told:
            self._told = True
            self._loop.call_soon(self._drain)

    def _take_over(self) -> int:
        """Take over a part of what was submitted, for others wait for this loop too."""
        count = min(len(self._queue), TAKEN_AT_ONCE)
        for _ in range(count):
            what = self._queue.popleft()
            if isinstance(what, Sync):
                self._wait_for(what)
            elif isinstance(what, FileContent):
                self._accept_file(what)
            else:
                self._accept(what)
        return count

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
            case JobProgress() as progress:
                self._percent = max(self._percent, progress.percent)
                self._progress = progress.model_copy(update={"percent": self._percent})
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
                self._do_beside(file.done, lambda: self._stash.store(file), file.close)
                return
        file.close()
        tell(file.done, refusal)

    def _wait_for(self, sync: Sync) -> None:
        if refusal := self._refusal():
            tell(sync.done, refusal)
        elif self.settlement:
            tell(sync.done)
        elif isinstance(sync.what, JobStatus):
            self._status_waiting.append(sync.done)
        elif self._status:  # a late write
            tell(sync.done)
        elif isinstance(sync.what, Results):
            self._keep(sync.what, sync.done)
        else:
            self._waiting.append(sync.done)
            self._arrived.set()

    def _keep(self, results: Results, done: Future[None]) -> None:
        if results is not self._stash.results:  # there are newer ones
            tell(done)
            return

        async def keep() -> None:
            await self._stash.keep(results)

        self._do_beside(done, keep)

    def _do_beside(
        self,
        done: Future[None],
        work: Callable[[], Awaitable[None]],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """Do *work*, which may take long, beside the other writes, and tell *done* of it."""

        async def beside() -> None:
            try:
                tell(done, None if await self._insisting(work) else StaleClaim())
            except Exception as error:  # noqa: BLE001 - told to the handler, who awaits it
                tell(done, error)
            finally:
                tell(done, StaleClaim())  # only if it was cancelled: the attempt is over
                close()

        task = asyncio.create_task(beside())
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

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

    async def close(self) -> None:
        """Give up what is still being done for the attempt, which is over."""
        await self.catch_up()
        await _cancelled(self._beside)
        if self.settlement is None:
            self._broken = self._broken or StaleClaim()
            self._refuse_waiting(self._broken)

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
            if await self._flush_at_last() and await self._store_at_last(verdict.outcome):
                self._hold.settling = True
                await self._settle_or_fail(self._settlement(verdict.outcome, verdict))
            return self.settlement

    async def _flush_at_last(self) -> bool:
        """The flush before the settling write, which a fault in lines or progress must not stop."""
        try:
            return await self._insisting(self._flush_all)
        except Exception as error:  # noqa: BLE001 - logged; the end of the job counts for more
            log.error("attempt.write_failed", exc=error)
            self._refuse_waiting(error)
            return True

    async def _store_at_last(self, outcome: Outcome) -> bool:
        """Have all be stored that *outcome* names; what it does not name is given up."""
        if outcome is not Outcome.COMPLETED:
            await _cancelled(self._beside)
            return True
        if self._beside:
            await asyncio.wait(self._beside)
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
            await self._insisting(lambda: self._settle_beside(settlement))

    async def _settle_beside(self, settlement: Settlement) -> None:
        """Settle once more with as little as can be in the job itself."""
        slim = replace(settlement, results=None, progress=None, usage=None)
        if settlement.results is not None and self._stash.results is not None:
            slim = replace(slim, results_file=await self._stash.keep(self._stash.results))
        if settlement.error is not None:
            slim = replace(slim, error=settlement.error.model_copy(update={"details": None}))
        await self._settle(slim)

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
        results = self._stash.results if completed else None
        return Settlement(
            outcome=outcome,
            at=now,
            seq=self._seq + 1,
            results=results.value if results else None,
            results_file=self._stash.file_of(results) if results else None,
            files=self._stash.files if ended else (),
            error=verdict.error and _fitting(verdict.error),
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
        waiting, self._status_waiting = self._status_waiting, []
        for done in waiting:
            tell(done)

    async def _flush(self) -> None:
        """Write what has come so far: the newest progress, then log lines."""
        await self._flush_progress()
        if self._waiting:
            await self._flush_for_waiting(self._journal.flush)
        elif not await self._journal.flush(LOG_BATCHES):
            self._arrived.set()

    async def _flush_all(self) -> None:
        await self._flush_progress()
        await self._flush_for_waiting(self._journal.close)

    async def _flush_for_waiting(self, flush: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            await flush()
        except BaseException:
            self._waiting = waiting + self._waiting
            raise
        for done in waiting:
            tell(done)

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
        self._refuse_waiting(StaleClaim())
        return False

    def _refuse_waiting(self, error: Exception) -> None:
        waiting = [*self._waiting, *self._status_waiting]
        self._waiting, self._status_waiting = [], []
        for done in waiting:
            tell(done, error)

    async def _pause(self) -> None:
        """Let writes gather for a moment, unless the handler ends the job."""
        try:
            async with asyncio.timeout(FLUSH_SEC):
                await self._urgent.wait()
        except TimeoutError:
            return


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel *tasks* and return when they have ended."""
    leaving = list(tasks)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)


def _fitting(error: JobError) -> JobError:
    """*error*, whoever raised it, as a job can hold it."""
    details = error.details
    if details is not None:
        try:
            details = cut_object(cleaned(details))
        except NotStorable:
            details = {"text": cut_text(repr(details))}
    return JobError(code=cut_text(error.code), message=cut_text(error.message), details=details)
