"""The states of a job and the only moves between them (design: ARCHITECTURE.md shows the chart)."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    """Waiting: for a slot, for its ``run_at`` or for its next attempt."""
    PROCESSING = "processing"
    """An attempt holds it under a lease."""
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
    # Out of a terminal state leads an explicit retry only; it starts a new run.
    JobStatus.COMPLETED: frozenset({JobStatus.PENDING}),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}

TERMINAL: frozenset[JobStatus] = frozenset(
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}
)


class DeliveryState(StrEnum):
    """Where a webhook delivery stands."""

    PENDING = "pending"
    """Waiting for its first or its next attempt."""
    SENDING = "sending"
    """A notifier holds it under a lease; at most one a job."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Its schedule is spent, it is five days old, or the receiver said 410. Can be resent."""
    DROPPED = "dropped"
    """A progress that a newer event overtook."""
    SUPERSEDED = "superseded"
    """A terminal event of an earlier run; kept, resendable by hand, never sent by itself."""


class Phase(StrEnum):
    """What a webhook tells of: the original documentation's word for it."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TEST = "test"
    """Nothing happened: somebody tries their receiver. Stands in no job's outbox."""


def sources_of(target: JobStatus) -> frozenset[JobStatus]:
    """The states from which a job may move to *target*."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)
