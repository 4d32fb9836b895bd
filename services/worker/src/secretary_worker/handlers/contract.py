"""What a handler may ask of the engine. Every method may be called with or without ``await``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from secretary_common.models import JobProgress, JobStatus, JsonObject, LogLevel


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
