"""Webhook deliveries, as the services need them from a store."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from secretary_common.models import Delivery, DeliveryAttempt, DueDelivery, Lease
from secretary_common.states import DeliveryState


class DeliveryRepository(Protocol):
    """Webhook deliveries, and every move between their states. All raise ``StoreUnavailable``."""

    async def insert_if_absent(self, delivery: Delivery) -> bool:
        """Store a delivery; False if its id is there already (it is left as it is)."""
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """The delivery."""
        ...

    async def of_job(self, job_id: str) -> list[Delivery]:
        """All deliveries of a job, by ``seq``."""
        ...

    async def has_pending(self, job_id: str) -> bool:
        """Whether a delivery of this job waits or is being sent."""
        ...

    async def delete_of_job(self, job_id: str) -> int:
        """Remove the deliveries of a job; returns how many."""
        ...

    async def due(
        self, now: datetime, limit: int, *, except_origins: Collection[str] = ()
    ) -> list[DueDelivery]:
        """Deliveries that are due, or whose sender's lease has ended: the longest due first."""
        ...

    async def due_of_job(self, job_id: str, now: datetime) -> DueDelivery | None:
        """The latest event of this job that is due: what its sender turns to next."""
        ...

    async def next_attempt_at(self, now: datetime) -> datetime | None:
        """When the earliest delivery not yet due is due, or its lease ends."""
        ...

    async def claim(self, delivery_id: str, lease: Lease, now: datetime) -> Delivery | None:
        """Take a due (or abandoned) delivery: it is ``sending`` under *lease*.

        None if it is not due, somebody else has it, or another of its job is in flight.
        """
        ...

    async def higher_seq_exists(self, job_id: str, seq: int) -> bool:
        """Whether a later event of this job has become a delivery, whatever came of that."""
        ...

    async def drop_abandoned_progress(self, job_id: str, seq: int, now: datetime) -> bool:
        """End a progress before *seq* that is ``sending`` under an ended lease."""
        ...

    async def record(
        self,
        delivery_id: str,
        token: str,
        state: DeliveryState,
        *,
        attempt: DeliveryAttempt | None = None,
        next_attempt_at: datetime | None = None,
        reason: str | None = None,
    ) -> None:
        """Write down how the claim under *token* ended.

        Args:
            delivery_id: which one.
            token: of the lease it is held by.
            state: what it is from now on.
            attempt: the try that was made, if one was.
            next_attempt_at: for ``pending``: when to try again.
            reason: why it ended otherwise than ``delivered``.

        Raises:
            StaleClaim: the lease was lost.
        """
        ...
