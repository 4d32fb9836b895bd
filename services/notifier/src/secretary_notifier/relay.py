"""From outbox slots to deliveries: those found by looking, and those a doorbell tells of."""

from __future__ import annotations

import asyncio
from datetime import datetime

from secretary_common import outbox
from secretary_common.clock import Clock
from secretary_common.errors import StoreUnavailable
from secretary_common.log import get_logger
from secretary_common.models import Delivery, DueDelivery, Job
from secretary_common.ports import DeliveryRepository, JobRepository

log = get_logger(__name__)

SLOTS_AT_ONCE = 32


class Relay:
    """Turns due slots into deliveries."""

    def __init__(
        self,
        jobs: JobRepository,
        deliveries: DeliveryRepository,
        clock: Clock,
        *,
        public_url: str,
        first_wait_sec: float,
    ) -> None:
        """Prepare to relay.

        Args:
            jobs: where the slots are.
            deliveries: where deliveries go.
            clock: the store's.
            public_url: the API's.
            first_wait_sec: before the first attempt of a terminal event.
        """
        self._jobs = jobs
        self._deliveries = deliveries
        self._clock = clock
        self._public_url = public_url
        self._first_wait_sec = first_wait_sec

    async def relay_due(self) -> tuple[list[DueDelivery], bool]:
        """Relay what is due now, at most 32; returns what to send, and whether there may be more.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        jobs = await self._jobs.due_slots(self._clock.now(), SLOTS_AT_ONCE)
        made = await asyncio.gather(*map(self._relay, jobs), return_exceptions=True)
        for job, outcome in zip(jobs, made, strict=True):
            if isinstance(outcome, StoreUnavailable):
                raise outcome
            if isinstance(outcome, BaseException):  # one bad job holds up no other
                log.error("slot.relay_failed", exc=outcome, job_id=job.job_id)
        made_now = [each for each in made if isinstance(each, Delivery) and self._is_due(each)]
        return [delivery.to_due() for delivery in made_now], len(jobs) == SLOTS_AT_ONCE

    async def relay_job(self, job_id: str) -> tuple[DueDelivery | None, datetime | None]:
        """Relay the slot of one job, if it has one that is due.

        Returns what to send, or when to look again for what is not due yet.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        job = await self._jobs.get(job_id)
        if job is None or job.notify is None:
            return None, self._clock.now()
        if job.notify.due_at > self._clock.now():
            return None, job.notify.due_at
        delivery = await self._relay(job)
        if delivery is None or not self._is_due(delivery):
            return None, (delivery and delivery.next_attempt_at) or self._clock.now()
        return delivery.to_due(), None

    def _is_due(self, delivery: Delivery) -> bool:
        at = delivery.next_attempt_at
        return at is not None and at <= self._clock.now()

    async def next_at(self, now: datetime) -> datetime | None:
        """When the next slot is due."""
        return await self._jobs.next_slot_at(now)

    async def _relay(self, job: Job) -> Delivery | None:
        return await outbox.relay(
            job,
            self._jobs,
            self._deliveries,
            self._clock.now(),
            self._public_url,
            wait_sec=self._first_wait_sec,
        )
