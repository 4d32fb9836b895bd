"""What a handler may ask of the engine. Every method may be called with or without ``await``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from secretary_common.models import JobProgress, JobStatus, JsonObject, LogLevel
from secretary_worker.source import OpenFile


class Reporter(Protocol):
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


class Uploads(Protocol):
    """The files that clients have uploaded."""

    def open(
        self, file_id: str, owner: str, max_bytes: int
    ) -> AbstractAsyncContextManager[OpenFile]:
        """The upload that a job of the API key *owner* names, to be read.

        Raises:
            PermanentError: FILE_NOT_FOUND, it is not there for *owner*; PDF_TOO_LARGE.
            StoreUnavailable: MongoDB did not answer for long.
        """
        ...


Translate = Callable[[JobProgress], JobProgress]


class JobReport:
    """Tells the engine about one job; nobody waits for progress and log lines."""

    def __init__(
        self, job_id: str, repo: Reporter, translate: Translate = lambda progress: progress
    ) -> None:
        """*translate*: what is made of each progress before it is told."""
        self.job_id = job_id
        self._repo = repo
        self._translate = translate

    def part(self, translate: Translate) -> JobReport:
        """The report for who does a part of the job in steps of its own."""
        return JobReport(self.job_id, self._repo, translate)

    def progress(self, progress: JobProgress) -> None:
        """Say how far the attempt is."""
        self._repo.update_job_progress(self.job_id, self._translate(progress))

    def log(self, level: LogLevel, message: str) -> None:
        """Write a line into the job's log."""
        self._repo.add_log_entry(self.job_id, level, message)

    async def file(self, name: str, content: bytes, content_type: str) -> None:
        """Store a file of the job."""
        await self._repo.add_file(self.job_id, name, content, content_type)

    async def complete(self, results: JsonObject) -> None:
        """Leave *results* and end the attempt well."""
        await self._repo.update_job_results(self.job_id, results)
        await self._repo.update_job_status(self.job_id, JobStatus.COMPLETED)
