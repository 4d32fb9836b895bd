"""Tells the engine about one job while its handler goes on."""

from __future__ import annotations

from secretary_common.models import JobProgress, LogLevel
from secretary_worker.handlers.contract import Reporter


class Report:
    """Progress and log lines of one job; nobody waits for these writes."""

    def __init__(self, job_id: str, repo: Reporter) -> None:
        self._job_id = job_id
        self._repo = repo

    def progress(self, progress: JobProgress) -> None:
        """Say how far the job is."""
        self._repo.update_job_progress(self._job_id, progress)

    def log(self, level: LogLevel, message: str) -> None:
        """Write a line into the job's log."""
        self._repo.add_log_entry(self._job_id, level, message)
