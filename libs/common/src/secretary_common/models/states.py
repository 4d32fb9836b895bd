"""The states of jobs and deliveries, and the allowed transitions of a job.

ARCHITECTURE.md shows the chart of a job's states.
"""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """The state of a job."""

    PENDING = "pending"
    """The job waits for a free slot, for its ``run_at`` or for its next attempt."""
    PROCESSING = "processing"
    """A worker holds the job under a lease."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.CANCELLED}),
    # processing → processing: reclaim of an ended lease; → pending: automatic retry, hand-back.
    JobStatus.PROCESSING: frozenset(
        {
            JobStatus.PROCESSING,
            JobStatus.PENDING,
            JobStatus.COMPLETED,
            JobStatus.FAILED,
            JobStatus.CANCELLED,
        }
    ),
    # Only an explicit retry leads out of a terminal state; it starts a new run.
    JobStatus.COMPLETED: frozenset({JobStatus.PENDING}),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}

TERMINAL: frozenset[JobStatus] = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}
)


class DeliveryState(StrEnum):
    """The state of a webhook delivery."""

    PENDING = "pending"
    """The delivery waits for its first or its next attempt."""
    SENDING = "sending"
    """A notifier holds the delivery under a lease; at most one delivery of each job."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up or set aside; ``reason`` says why. Can be resent, unless it was set aside."""
    DROPPED = "dropped"
    """A progress event that a newer event has overtaken."""
    SUPERSEDED = "superseded"
    """A terminal event of an earlier run: kept, never sent automatically, can be resent."""
    SKIPPED = "skipped"
    """The end of a job that an endpoint missed while it was disabled: kept, can be replayed."""


class Phase(StrEnum):
    """The kind of event that a webhook reports; the key ``phase`` of its body."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TEST = "test"
    """A client tests its receiver. No job has such an event in its outbox slot."""
    OPERATOR = "operator"
    """A fault of the system, for an endpoint of operators. No job has such an event either."""

    @property
    def has_job(self) -> bool:
        """Whether the event reports on a job."""
        return self not in (Phase.TEST, Phase.OPERATOR)


class NewerWord(str):
    """A word in a stored document that only a newer version knows, such as its new state.

    A view shows it as it is. It equals no state of this version, so no rule applies to it.
    """

    __slots__ = ()

    @property
    def value(self) -> str:
        """The word, as for the words that this version knows."""
        return str(self)
