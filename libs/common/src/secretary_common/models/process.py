"""The reports that workers and notifiers write about themselves."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from secretary_common.models.value import Value

NOTIFIER_REPORT_SEC = 5.0
"""The interval between two reports of a notifier."""
NOTIFIER_ALIVE_SEC = 15.0
"""A notifier counts as dead after this time without a report."""


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


class ReceiverState(Value):
    """The state of a receiver, as a notifier reports it with its heartbeat."""

    origin: str
    """scheme://host:port."""
    open_until: datetime | None = None
    """The receiver gets no requests before this time; None: its breaker is closed."""
    in_flight: int = 0
    waiting: int = 0
    """Deliveries in the notifier's memory; more may wait in the store."""
    failures: int = 0
    """Failures since the last success."""
    last_at: datetime | None = None
    """When the last attempt ended."""
    last_status: int | None = None
    last_error: str | None = None
    """The class of the error, without its text."""
