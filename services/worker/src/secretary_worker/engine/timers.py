"""The timers of one worker for scheduled jobs, ordered by the time at which a job is due."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime

from secretary_common.models import Candidate

MOST = 10_000


class Timers:
    """Keeps scheduled jobs until they are due, at most ``MOST``.

    If there are more, only the earliest half is kept, and polling finds the other jobs.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._jobs: dict[str, Candidate] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def set(self, job: Candidate) -> None:
        """Set the timer of *job* to its ``run_at``. A later call for the job replaces the timer."""
        known = self._jobs.get(job.job_id)
        self._jobs[job.job_id] = job
        if known is None or known.run_at != job.run_at:
            heapq.heappush(self._heap, (job.run_at, job.job_id))
        if len(self._heap) > MOST:
            self._drop_the_latest()

    def set_all(self, jobs: Iterable[Candidate]) -> None:
        """Set the timer of each of *jobs*."""
        for job in jobs:
            self.set(job)

    def until_next_sec(self, now: datetime) -> float | None:
        """Return the seconds until the next job is due, a millisecond more; None without timers.

        The millisecond makes sure that the job is due when the wait ends.
        """
        return (self._heap[0][0] - now).total_seconds() + 0.001 if self._heap else None

    def take_due(self, now: datetime) -> list[Candidate]:
        """Remove and return the jobs that are due at *now*, the earliest first."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            run_at, job_id = heapq.heappop(self._heap)
            job = self._jobs.get(job_id)
            if job and job.run_at == run_at:  # else a later call has replaced the timer
                due.append(self._jobs.pop(job_id))
        return due

    def take_all(self) -> list[Candidate]:
        """Remove and return all jobs, the earliest first."""
        jobs, self._jobs, self._heap = self._jobs, {}, []
        return sorted(jobs.values(), key=lambda job: job.run_at)

    def _drop_the_latest(self) -> None:
        earliest = heapq.nsmallest(MOST // 2, self._jobs.values(), key=lambda job: job.run_at)
        self._jobs = {job.job_id: job for job in earliest}
        self._heap = [(job.run_at, job.job_id) for job in earliest]
