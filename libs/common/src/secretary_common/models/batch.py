"""Batches of jobs, and counts of jobs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from secretary_common.models.job import Idempotency
from secretary_common.models.states import JobStatus


class Batch(BaseModel):
    """A batch as the store holds it. Its progress is computed from its jobs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    batch_id: str
    owner: str
    """The id of the API key that submitted the batch."""
    batch_name: str | None = None
    job_ids: list[str]
    """The ids of the jobs, in the order of the submission."""
    created_at: datetime
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """The number of jobs in each state."""

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """The number of jobs in all states."""
        return sum(getattr(self, status.value) for status in JobStatus)

    @property
    def status(self) -> JobStatus:
        """The state of all these jobs as a whole.

        ``pending`` while all jobs are pending, ``processing`` until the last job has ended; then
        ``failed`` if any job failed, else ``cancelled`` if any was cancelled, else ``completed``.
        """
        if self.pending and self.pending == self.total:
            return JobStatus.PENDING
        if self.pending or self.processing:
            return JobStatus.PROCESSING
        if self.failed:
            return JobStatus.FAILED
        return JobStatus.CANCELLED if self.cancelled else JobStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class TypeStatistic:
    """The waiting, scheduled and running jobs of one job type; for autoscalers."""

    waiting: int = 0
    """Pending and due."""
    scheduled: int = 0
    """Pending, for later."""
    running: int = 0
    oldest_wait_sec: float = 0.0
    """The time since the job that waits longest became due, in seconds."""


BUCKETS_PER_DOUBLING = 4


@dataclass(frozen=True, slots=True)
class EndedCount:
    """How many jobs ended in a slot of time with the same owner, type, state and durations."""

    slot: int
    """The number of the slot, from 0."""
    owner: str
    job_type: str
    status: str
    waited: int | None
    """The bucket of the time from ``run_at`` to the start of the last attempt."""
    ran: int | None
    """The bucket of the time from there to the end."""
    count: int


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a duration: 0 begins at 1 ms, four buckets double it."""
    return math.floor(BUCKETS_PER_DOUBLING * math.log2(max(milliseconds, 1.0)))


def seconds_of(bucket: int) -> float:
    """Return the duration in the middle of a bucket, in seconds."""
    return float(2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING)) / 1000
