"""What a worker tells of itself."""

from __future__ import annotations

from datetime import datetime

from secretary_common.models.value import Value


class RunningJob(Value):
    """A job under way in a worker."""

    job_id: str
    owner: str
    """The id of the API key that submitted it."""


class WorkerReport(Value):
    """A worker as it was at ``seen_at``."""

    worker_id: str
    """The ``lease.owner`` of its jobs: new at each boot."""
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    alive_until: datetime
    """It is taken for dead unless it has reported again by then."""
    job_types: list[str]
    slots: int
    running: list[RunningJob]
    active: bool
    """False: it takes no jobs (``generic_worker.active``)."""
    listening: bool
    """Whether it hears doorbells just now: it has a free slot and a broker."""
