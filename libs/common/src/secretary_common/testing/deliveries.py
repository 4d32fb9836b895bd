"""The in-memory twin of the delivery repository."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from secretary_common.errors import StaleClaim
from secretary_common.models import Delivery, DeliveryAttempt, DueDelivery, Lease
from secretary_common.states import DeliveryState

WAITING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})


class InMemoryDeliveryRepository:
    """Keeps deliveries in a dictionary (``ports.DeliveryRepository``)."""

    def __init__(self) -> None:
        self.deliveries: dict[str, Delivery] = {}

    async def insert_if_absent(self, delivery: Delivery) -> bool:
        """Keep a delivery; False if its id is there already."""
        kept = self.deliveries.setdefault(delivery.delivery_id, delivery)
        return kept is delivery

    async def get(self, delivery_id: str) -> Delivery | None:
        """The delivery."""
        return self.deliveries.get(delivery_id)

    async def of_job(self, job_id: str) -> list[Delivery]:
        """All deliveries of a job, by ``seq``."""
        found = [each for each in self.deliveries.values() if each.job_id == job_id]
        return sorted(found, key=lambda delivery: delivery.seq)

    async def has_pending(self, job_id: str) -> bool:
        """Whether a delivery of this job waits or is being sent."""
        return any(each.state in WAITING for each in await self.of_job(job_id))

    async def delete_of_job(self, job_id: str) -> int:
        """Remove the deliveries of a job; returns how many."""
        removed = [each.delivery_id for each in await self.of_job(job_id)]
        for delivery_id in removed:
            del self.deliveries[delivery_id]
        return len(removed)

    async def due(
        self, now: datetime, limit: int, *, except_origins: Collection[str] = ()
    ) -> list[DueDelivery]:
        """Deliveries that are due, or whose sender's lease has ended: the longest due first."""
        waiting = [
            (each.next_attempt_at, each)
            for each in self.deliveries.values()
            if each.next_attempt_at and each.origin not in except_origins
        ]
        waiting.sort(key=lambda pair: pair[0])
        return [each.to_due() for moment, each in waiting if moment <= now][:limit]

    async def due_of_job(self, job_id: str, now: datetime) -> DueDelivery | None:
        """The latest event of this job that is due: what its sender turns to next."""
        due = [each for each in await self.of_job(job_id) if _is_due(each, now)]
        return due[-1].to_due() if due else None

    async def next_attempt_at(self, now: datetime) -> datetime | None:
        """When the earliest delivery not yet due is due, or its lease ends."""
        moments = (each.next_attempt_at for each in self.deliveries.values())
        return min((moment for moment in moments if moment and moment > now), default=None)

    async def claim(self, delivery_id: str, lease: Lease, now: datetime) -> Delivery | None:
        """Take a due (or abandoned) delivery: it is ``sending`` under *lease*."""
        delivery = self.deliveries.get(delivery_id)
        if delivery is None or delivery.state not in WAITING or not _is_due(delivery, now):
            return None
        siblings = (each for each in await self.of_job(delivery.job_id) if each is not delivery)
        if any(each.state is DeliveryState.SENDING for each in siblings):
            return None
        return self._put(
            delivery, state=DeliveryState.SENDING, lease=lease, next_attempt_at=lease.expires_at
        )

    async def higher_seq_exists(self, job_id: str, seq: int) -> bool:
        """Whether a later event of this job has become a delivery, whatever came of that."""
        return any(each.seq > seq for each in await self.of_job(job_id))

    async def drop_abandoned_progress(self, job_id: str, seq: int, now: datetime) -> bool:
        """End a progress before *seq* that is ``sending`` under an ended lease."""
        for each in await self.of_job(job_id):
            sending = each.state is DeliveryState.SENDING and not each.is_terminal_event
            if sending and each.seq < seq and _is_due(each, now):
                self._put(each, reason="abandoned", **_ended(DeliveryState.DROPPED))
                return True
        return False

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
        """Write down how the claim under *token* ended."""
        delivery = self.deliveries.get(delivery_id)
        if delivery is None or delivery.lease is None or delivery.lease.token != token:
            raise StaleClaim
        attempts = [*delivery.attempts, attempt] if attempt else delivery.attempts
        change = {**_ended(state), "next_attempt_at": next_attempt_at}
        self._put(delivery, attempts=attempts, reason=reason, **change)

    def _put(self, delivery: Delivery, **fields: Any) -> Delivery:
        changed = delivery.model_copy(update=fields)
        self.deliveries[delivery.delivery_id] = changed
        return changed


def _ended(state: DeliveryState) -> dict[str, Any]:
    return {"state": state, "lease": None, "next_attempt_at": None}


def _is_due(delivery: Delivery, now: datetime) -> bool:
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= now
