"""The reports of the built-in handlers, and the part of the worker's repository that they use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from secretary_common.models import JobProgress, JobStatus, JsonObject, LogLevel

REPEAT_SEC = 1.0
"""The last progress is repeated after this time without new progress.

Clients rely on a change at least every 2 s.
"""


class AttemptRepository(Protocol):
    """The repository of one attempt (``SecretaryJobRepository``).

    A handler need not await an update. An awaited update is durable.
    """

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Awaitable[object]:
        """Show *progress* to clients."""
        ...

    def update_job_results(self, job_id: str, results: JsonObject) -> Awaitable[object]:
        """Set the results. The write that completes the job stores them in the job."""
        ...

    def update_job_status(self, job_id: str, status: JobStatus) -> Awaitable[object]:
        """End the job at once if *status* is terminal."""
        ...

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> Awaitable[object]:
        """Add a line to the job's log."""
        ...

    def add_file(
        self, job_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> Awaitable[object]:
        """Store a file. The job gets the file if this attempt ends the job."""
        ...


Translate = Callable[[JobProgress], JobProgress]


class JobReport:
    """Reports on one job to the worker. The handler does not wait for progress and log lines."""

    def __init__(
        self,
        job_id: str,
        repo: AttemptRepository,
        *,
        repeat_sec: float = REPEAT_SEC,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*repeat_sec*: after this time without new progress, the last progress is repeated."""
        self.job_id = job_id
        self._repo = repo
        self._repeat_sec = repeat_sec
        self._monotonic = monotonic
        self._last: JobProgress | None = None
        self._last_at = monotonic()

    def progress(self, progress: JobProgress) -> None:
        """Report the progress of the job."""
        self._last = progress
        self._last_at = self._monotonic()
        self._repo.update_job_progress(self.job_id, progress)

    def part(self, translate: Translate) -> JobReport:
        """Return a report for a part of the job.

        *translate* turns a progress of the part into a progress of the whole job.
        """
        return _PartReport(self.job_id, self._repo, self, translate)

    def log(self, level: LogLevel, message: str) -> None:
        """Add a line to the job's log."""
        self._repo.add_log_entry(self.job_id, level, message)

    async def file(self, name: str, content: bytes, content_type: str) -> None:
        """Store a file of the job."""
        await self._repo.add_file(self.job_id, name, content, content_type)

    async def complete(self, results: JsonObject) -> None:
        """Complete the job with *results*."""
        # Not awaited: the write that ends the attempt makes the results durable too.
        self._repo.update_job_results(self.job_id, results)
        await self._repo.update_job_status(self.job_id, JobStatus.COMPLETED)

    @asynccontextmanager
    async def repeating_progress(self) -> AsyncIterator[None]:
        """In this context, repeat the last progress regularly and add its age to the message."""
        repeating = asyncio.create_task(self._repeat())
        try:
            yield
        finally:
            repeating.cancel()
            await asyncio.gather(repeating, return_exceptions=True)

    async def _repeat(self) -> None:
        reported_at = self._monotonic()
        while True:
            await asyncio.sleep(reported_at + self._repeat_sec - self._monotonic())
            if self._last_at > reported_at:  # the handler reported progress meanwhile
                reported_at = self._last_at
            else:
                reported_at = self._monotonic()
                self._report_age(reported_at - self._last_at)

    def _report_age(self, age_sec: float) -> None:
        if self._last:
            message = f"{self._last.message} ({age_sec:.0f} s)"
            aged = self._last.model_copy(update={"message": message})
            self._repo.update_job_progress(self.job_id, aged)


class _PartReport(JobReport):
    """Passes the progress of a part to the report of the whole job."""

    def __init__(
        self, job_id: str, repo: AttemptRepository, whole: JobReport, translate: Translate
    ) -> None:
        super().__init__(job_id, repo)
        self._whole = whole
        self._translate = translate

    def progress(self, progress: JobProgress) -> None:
        """Report the progress of the part."""
        self._whole.progress(self._translate(progress))
