"""Receives in memory what a reader reports: files, progress and warnings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator

from secretary_common.models import JobProgress, JobStatus, JsonObject, LogLevel

OnProgress = Callable[[str, int], None]
"""Gets a message such as "page 3 of 20", and percent."""
_SHOWN = ("warning", "error", "critical")


class _Done(Awaitable[None]):
    """Something that has been done already."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class MemoryRepository:
    """An ``AttemptRepository`` in memory."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self.files: dict[str, bytes] = {}
        self.warnings: list[str] = []

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Awaitable[object]:
        """Pass *progress* on."""
        del job_id
        if self._on_progress:
            self._on_progress(progress.message or progress.step, progress.percent or 0)
        return _Done()

    def update_job_results(self, job_id: str, results: JsonObject) -> Awaitable[object]:
        """Do nothing: the caller gets the documents."""
        del self, job_id, results
        return _Done()

    def update_job_status(self, job_id: str, status: JobStatus) -> Awaitable[object]:
        """Do nothing: there is no job."""
        del self, job_id, status
        return _Done()

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> Awaitable[object]:
        """Keep warnings."""
        del job_id
        if level in _SHOWN:
            self.warnings.append(message)
        return _Done()

    def add_file(
        self, job_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> Awaitable[object]:
        """Keep the file."""
        del job_id, content_type
        self.files[name] = content
        return _Done()
