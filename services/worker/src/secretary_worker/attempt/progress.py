"""Writes the changes of a job that clients see: progress, and the settlement.

Each change has a ``seq``, which this module counts while the worker holds the job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from secretary_common.jobs.slot import PROGRESS_INTERVAL_SEC, progress_slot
from secretary_common.models import (
    Job,
    JobProgress,
    JobStatus,
    OvertakenProgress,
    ProgressChange,
    Settlement,
)
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
        self._wants_events = job.sends_progress
        self._only_event: OvertakenProgress | None = None
        """The event of the first progress, until another one is written."""
        self._doubtful: JobProgress | None = None
        """The progress whose write had no answer. If it was made, it has the ``seq`` after
        ``_seq``, which then must be no other change's."""
        self.unwritten: JobProgress | None = None
        """The latest progress, until it is written."""
        self.percent = 0
        """The latest percent. It never falls within an attempt."""

    @property
    def next_seq(self) -> int:
        """The ``seq`` of the next change."""
        return self._seq + (2 if self._doubtful else 1)

    def overtaken(self, now: datetime) -> OvertakenProgress | None:
        """Return the only progress event of a short attempt, for the settlement at *now*.

        None if the webhook asks for no progress, or if the attempt has had time for an event. An
        event that was written just now is returned too: the settlement may replace it in the slot
        before a notifier has read it.
        """
        if not self._wants_events:
            return None
        if self.unwritten and self._seq == self._job.seq:
            return OvertakenProgress(seq=self.next_seq, at=now, progress=self.unwritten)
        event = self._only_event
        is_new = event and (now - event.at).total_seconds() < PROGRESS_INTERVAL_SEC
        return event if is_new else None

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
        if self._doubtful and self._doubtful is not progress:
            self._seq += 1
        self._doubtful = progress
        now, seq = self._clock.now(), self._seq + 1
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
        is_only = slot is not None and self._seq == self._job.seq
        self._only_event = (
            OvertakenProgress(seq=seq, at=now, progress=progress) if is_only else None
        )
        self._seq, self._doubtful = seq, None
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
        if self._job.has_receivers and stands.outcome.status is not JobStatus.PENDING:
            self._on_event(self._job.job_id, self._seq)
        return stands
