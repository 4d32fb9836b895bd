"""Writes the changes of a job that clients see: progress, and the settlement.

Each change has a ``seq``, which this module counts while the worker holds the job.
"""

from __future__ import annotations

from collections.abc import Callable

from secretary_common.jobs.outbox import progress_slot
from secretary_common.models import Job, JobProgress, JobStatus, ProgressChange, Settlement
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock

OnEvent = Callable[[str, int], None]
"""Called with the job's id and the event's ``seq`` after an event is put into the outbox slot."""


class AttemptProgress:
    """Writes the visible changes of one attempt, one after the other, under its lease."""

    def __init__(
        self, job: Job, token: str, jobs: JobRepository, clock: Clock, on_event: OnEvent
    ) -> None:
        self._job = job
        self._token = token
        self._jobs = jobs
        self._clock = clock
        self._on_event = on_event
        self._seq = job.seq
        self._notified_at = job.notified_at
        self._wants_events = job.webhook is not None and job.webhook.progress
        self.unwritten: JobProgress | None = None
        """The latest progress, until it is written."""
        self.percent = 0
        """The latest percent. It never falls within an attempt."""

    @property
    def next_seq(self) -> int:
        """The ``seq`` of the next change."""
        return self._seq + 1

    @property
    def owes_event(self) -> bool:
        """Whether the webhook asks for progress, and this attempt has not written the first one.

        Such a progress is written at once, because a settlement has no event of a progress.
        """
        return self._wants_events and self.unwritten is not None and self._seq == self._job.seq

    def update(self, progress: JobProgress) -> None:
        """Set the progress to write next, in place of a progress that is not written yet."""
        self.unwritten = progress.no_less_than(self.percent)
        self.percent = self.unwritten.percent

    async def write(self) -> None:
        """Write the latest progress, unless it is written already.

        Raises:
            StaleClaim: the lease was lost.
            StoreUnavailable: the write may have been made.
        """
        progress = self.unwritten
        if progress is None:
            return
        now, seq = self._clock.now(), self.next_seq
        slot = progress_slot(self._job, seq=seq, now=now, notified_at=self._notified_at)
        change = ProgressChange(
            self._job.job_id,
            self._token,
            seq,
            now,
            progress,
            slot,
            asks_notified_at=slot is not None,
        )
        self._notified_at = await self._jobs.record_progress(change)
        self._seq = seq
        if self.unwritten is progress:
            self.unwritten = None
        if slot:
            self._on_event(self._job.job_id, seq)

    async def settle(self, settlement: Settlement) -> Settlement:
        """Write *settlement*; return the settlement that was written (``JobRepository.settle``).

        Raises:
            StaleClaim: the lease was lost.
            NotStorable: the job document has no room for *settlement*.
            StoreUnavailable: the write may have been made.
        """
        stands = await self._jobs.settle(self._job, self._token, settlement)
        self._seq = stands.seq
        if self._job.webhook and stands.outcome.status is not JobStatus.PENDING:
            self._on_event(self._job.job_id, self._seq)
        return stands
