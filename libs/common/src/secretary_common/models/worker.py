"""The reports that workers write about themselves."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from secretary_common.models.value import Value


class RunningJob(Value):
    """A job that a worker runs."""

    job_id: str
    owner: str
    """The id of the API key that submitted the job."""


class WorkerReport(Value):
    """The state of a worker at ``seen_at``."""

    worker_id: str
    """The ``lease.owner`` of its jobs: new at each start."""
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    alive_until: datetime
    """The worker counts as dead after this time, unless it has reported again."""
    job_types: list[str]
    slots: int
    running: list[RunningJob]
    active: bool
    """False: the worker claims no jobs (``generic_worker.active``)."""
    listening: bool
    """Whether the worker receives doorbells now: it has a free slot and a broker."""
    unfit: dict[str, str] = Field(default_factory=dict)
    """The things that the worker lacks, with messages for operators; empty if it can work."""
