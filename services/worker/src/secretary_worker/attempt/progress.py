"""What clients learn of an attempt: how far it is, and how it ended.

Each change they see has a ``seq``. It is counted here: whoever holds the job computes it.
"""

from __future__ import annotations

from collections.abc import Callable

from secretary_common.jobs.outbox import progress_slot
from secretary_common.models import Job, JobProgress, JobStatus, ProgressChange, Settlement
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock


class AttemptProgress:
    """The visible changes of the attempt at *job* under a lease, one after the other."""

    def __init__(
        self,
        job: Job,
        token: str,
        jobs: JobRepository,
        clock: Clock,
        on_event: Callable[[int], None],
    ) -> None:
        """*on_event* is called with the ``seq`` of each event left in the outbox slot."""
        self._job = job
        self._token = token
        self._jobs = jobs
        self._clock = clock
        self._on_event = on_event
        self._seq = job.seq
        self._notified_at = job.notified_at
        self.progress: JobProgress | None = None
        """The latest that is not written yet."""
        self.percent = 0
        """It never falls within an attempt."""

    @property
    def next_seq(self) -> int:
        """What the next change is numbered."""
        return self._seq + 1

    def note(self, progress: JobProgress) -> None:
        """Have *progress* written next, in place of what was not written yet."""
        self.progress = progress.no_less_than(self.percent)
        self.percent = self.progress.percent

    async def write_progress(self) -> None:
        """Write the latest progress, if there is one that is not written yet.

        Raises:
            StaleClaim: the lease was lost.
            StoreUnavailable: it may be written all the same.
        """
        progress = self.progress
        if progress is None:
            return
        now, seq = self._clock.now(), self.next_seq
        slot = progress_slot(self._job, seq=seq, now=now, notified_at=self._notified_at)
        change = ProgressChange(self._job.job_id, self._token, seq, now, progress, slot)
        self._notified_at = await self._jobs.record_progress(change)
        self._seq = seq
        if self.progress is progress:
            self.progress = None
        if slot:
            self._on_event(seq)

    async def settle(self, settlement: Settlement) -> Settlement:
        """Write the end; returns the settlement that stands.

        Raises:
            StaleClaim: the lease was lost.
            NotStorable: the job has no room for it.
            StoreUnavailable: it may be written all the same.
        """
        stands = await self._jobs.settle(self._job, self._token, settlement)
        self._seq = stands.seq
        if self._job.webhook and stands.outcome.status is not JobStatus.PENDING:
            self._on_event(self._seq)
        return stands
