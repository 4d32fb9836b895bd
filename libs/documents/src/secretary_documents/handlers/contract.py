"""What a handler may ask of the engine. Every method may be called with or without ``await``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from secretary_common.models import JobProgress, JobStatus, JsonObject, LogLevel

# Progress moves at least every 2 s, also while one step takes longer.
REPEAT_SEC = 1.0


class AttemptRepository(Protocol):
    """The repository as it is bound to one attempt; awaiting waits until the write is durable."""

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Awaitable[object]:
        """Say how far the attempt is."""
        ...

    def update_job_results(self, job_id: str, results: JsonObject) -> Awaitable[object]:
        """Lay down what the job will have as its results."""
        ...

    def update_job_status(self, job_id: str, status: JobStatus) -> Awaitable[object]:
        """End the attempt."""
        ...

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> Awaitable[object]:
        """Write a line into the job's log."""
        ...

    def add_file(
        self, job_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> Awaitable[object]:
        """Store a file; it becomes one of the job's with the write that ends it."""
        ...


Translate = Callable[[JobProgress], JobProgress]


class JobReport:
    """Tells the engine about one job; nobody waits for progress and log lines."""

    def __init__(
        self,
        job_id: str,
        repo: AttemptRepository,
        *,
        repeat_sec: float = REPEAT_SEC,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*repeat_sec*: after so long without news, the last is told again with its age."""
        self.job_id = job_id
        self._repo = repo
        self._repeat_sec = repeat_sec
        self._monotonic = monotonic
        self._last: JobProgress | None = None
        self._since = monotonic()

    def progress(self, progress: JobProgress) -> None:
        """Say how far the attempt is."""
        self._last = progress
        self._since = self._monotonic()
        self._repo.update_job_progress(self.job_id, progress)

    def part(self, translate: Translate) -> JobReport:
        """The report for who does a part of the job in steps of its own."""
        return _PartReport(self.job_id, self._repo, self, translate)

    def log(self, level: LogLevel, message: str) -> None:
        """Write a line into the job's log."""
        self._repo.add_log_entry(self.job_id, level, message)

    async def file(self, name: str, content: bytes, content_type: str) -> None:
        """Store a file of the job."""
        await self._repo.add_file(self.job_id, name, content, content_type)

    async def complete(self, results: JsonObject) -> None:
        """Leave *results* and end the attempt well."""
        # Not awaited: with the write that ends the attempt they are durable too.
        self._repo.update_job_results(self.job_id, results)
        await self._repo.update_job_status(self.job_id, JobStatus.COMPLETED)

    @asynccontextmanager
    async def repeating_progress(self) -> AsyncIterator[None]:
        """Inside, progress moves, however long a step takes: its message says how long."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _beat(self) -> None:
        told_at = self._monotonic()
        while True:
            await asyncio.sleep(told_at + self._repeat_sec - self._monotonic())
            if self._since > told_at:  # there was news
                told_at = self._since
            else:
                told_at = self._monotonic()
                self._tell_again(told_at - self._since)

    def _tell_again(self, age_sec: float) -> None:
        if self._last:
            message = f"{self._last.message} ({age_sec:.0f} s)"
            aged = self._last.model_copy(update={"message": message})
            self._repo.update_job_progress(self.job_id, aged)


class _PartReport(JobReport):
    """Passes progress on to the report of the whole, as a step of that."""

    def __init__(
        self, job_id: str, repo: AttemptRepository, whole: JobReport, translate: Translate
    ) -> None:
        super().__init__(job_id, repo)
        self._whole = whole
        self._translate = translate

    def progress(self, progress: JobProgress) -> None:
        """Say how far the part is."""
        self._whole.progress(self._translate(progress))
