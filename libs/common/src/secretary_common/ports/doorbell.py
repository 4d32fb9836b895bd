"""The interface of the doorbell, which the broker implements."""

from __future__ import annotations

from typing import Protocol


class Doorbell(Protocol):
    """Rings workers and notifiers, so that they read MongoDB at once.

    A ring never raises. If a ring is lost, the worker or notifier finds the work by polling.
    """

    @property
    def is_connected(self) -> bool | None:
        """Whether the broker answers this process now; None: there is no broker."""
        ...

    async def announce_job(self, job_type: str, job_id: str) -> bool:
        """Send a quick doorbell for a job that is being stored; return whether it was sent.

        It may reach a worker before MongoDB has the job, and then the worker looks again after some
        milliseconds. ``ring_job`` follows once the job is stored.
        """
        ...

    async def ring_job(
        self, job_type: str, job_id: str, *, announced: bool = False, shared: bool = False
    ) -> bool:
        """Ring the workers for a job; return False unless the broker confirms within a second.

        Jobs that are rung for at the same moment may share a ring. Store a job before its ring.

        Args:
            job_type: the type of the job.
            job_id: the id of the job.
            announced: ``announce_job`` was called, so the ring may leave some milliseconds later.
            shared: more jobs of this type may wait. The worker looks for all of them at once.
        """
        ...

    async def ring_delivery(self, job_id: str, seq: int) -> bool:
        """Ring the notifiers for the event *seq* of a job; return as ``ring_job`` does."""
        ...

    async def ring_slot(self, job_id: str, seq: int) -> bool:
        """Ring the notifiers for an event in the outbox slot of a job; return as ``ring_job`` does.

        Rings of the same moment share one message, because a notifier that is rung reads every
        due slot.
        """
        ...
