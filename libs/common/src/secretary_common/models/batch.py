"""Jobs that were submitted together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from secretary_common.models.job import Idempotency
from secretary_common.models.states import JobStatus


class Batch(BaseModel):
    """A batch as the store holds it; how far it is stands in its jobs alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    batch_id: str
    owner: str
    """The id of the API key that submitted it."""
    batch_name: str | None = None
    job_ids: list[str]
    """In the order they were submitted in."""
    created_at: datetime
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """How many jobs are in each state."""

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(getattr(self, status.value) for status in JobStatus)

    @property
    def status(self) -> JobStatus:
        """The state of them as a whole.

        ``pending`` until the first one starts, ``processing`` until the last one has ended; then
        ``failed`` if any failed, else ``cancelled`` if any was cancelled, else ``completed``.
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
    """How busy one job type is: what an autoscaler looks at."""

    waiting: int = 0
    """Pending and due."""
    scheduled: int = 0
    """Pending, for later."""
    running: int = 0
    oldest_wait_sec: float = 0.0
    """How long the longest waiting job has been due."""
