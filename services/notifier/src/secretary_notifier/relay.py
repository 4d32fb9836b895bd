"""Turns outbox slots of jobs into deliveries: all that are due, and those of given jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from secretary_common.jobs.outbox import NewDeliveries, relay_all
from secretary_common.jobs.slot import CLOCK_ERROR
from secretary_common.models import Delivery, DueDelivery, Job
from secretary_common.ports import (
    DeliveryRepository,
    EndpointRepository,
    JobRepository,
)
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

SLOTS_AT_ONCE = 64

OnStored = Callable[[list[DueDelivery]], object]
"""Called with new deliveries to send."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """The result of relaying, apart from the new deliveries, which ``OnStored`` gets."""

    found: list[DueDelivery]
    """Deliveries to send that were stored before."""
    next_at: datetime | None = None
    """When a slot of the given jobs, or the delivery made from it, is due; None: none waits."""
    more: bool = False
    """Whether more slots may be due."""


class Relay:
    """Turns outbox slots into deliveries. Calls take turns, so that no slot is read twice."""

    def __init__(
        self,
        jobs: JobRepository,
        deliveries: DeliveryRepository,
        clock: Clock,
        *,
        public_url: str,
        first_wait_sec: float,
        endpoints: EndpointRepository | None = None,
    ) -> None:
        """Prepare to relay.

        Args:
            jobs: the repository with the slots.
            deliveries: the repository for the new deliveries.
            clock: the clock of the store.
            public_url: the URL of the API.
            first_wait_sec: the wait before the first attempt of a terminal event.
            endpoints: the endpoints that jobs name; None: none is known.
        """
        self._jobs = jobs
        self._deliveries = deliveries
        self._clock = clock
        self._public_url = public_url
        self._first_wait_sec = first_wait_sec
        self._endpoints = endpoints
        self._turn = asyncio.Lock()

    async def relay_due(
        self,
        rung: Collection[str] = (),
        *,
        on_stored: OnStored = lambda _: None,
        stores: NewDeliveries | None = None,
    ) -> Relayed:
        """Relay at most 64 due slots, and the slots of the jobs *rung*.

        For a job of *rung* without a due slot, find another due delivery of the job. *on_stored* is
        called with new deliveries that are due, before the slots are cleared. *stores* stores new
        deliveries; None: the repository.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        async with self._turn:
            due_by = self._clock.now() + CLOCK_ERROR
            jobs = await self._jobs.due_slots(due_by, SLOTS_AT_ONCE)
            more = len(jobs) == SLOTS_AT_ONCE
            if unread := set(rung) - {job.job_id for job in jobs}:
                jobs = [*jobs, *await self._jobs.slots_of(unread)]
            made = await self._relay(jobs, on_stored, stores or self._deliveries)
        # A repeated doorbell, a delivery resent by hand, or a test.
        others = set(rung) - {delivery.job_id for delivery in chain.from_iterable(made)}
        found = await self._deliveries.due_of_jobs(others, self._clock.now()) if others else {}
        return Relayed([*found.values()], self._next_of(jobs, made), more)

    async def next_at(self, now: datetime) -> datetime | None:
        """Return the earliest due time of a slot after *now*; None if no slot is due later."""
        return await self._jobs.next_slot_at(now)

    def _next_of(self, jobs: Sequence[Job], made: Sequence[list[Delivery]]) -> datetime | None:
        now = self._clock.now()
        later = [
            each.next_attempt_at for each in chain.from_iterable(made) if not self._is_due(each)
        ]
        # The slot is not due yet, or it was postponed just now: the next round finds it.
        later += [
            max(job.notify.due_at, now)
            for job, deliveries in zip(jobs, made, strict=True)
            if job.notify and not deliveries
        ]
        return min((at for at in later if at), default=None)

    def _is_due(self, delivery: Delivery) -> bool:
        at = delivery.next_attempt_at
        return at is not None and at <= self._clock.now()

    async def _relay(
        self, jobs: Sequence[Job], on_stored: OnStored, stores: NewDeliveries
    ) -> list[list[Delivery]]:
        """Relay the slots of *jobs*; return the deliveries of each job."""
        if not jobs:
            return []
        outcomes = await relay_all(
            jobs,
            self._jobs,
            stores,
            self._clock.now(),
            self._public_url,
            wait_sec=self._first_wait_sec,
            endpoints=self._endpoints,
            on_stored=lambda made: on_stored([one.to_due() for one in made if self._is_due(one)]),
        )
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Exception):
                log.error("slot.relay_failed", exc=outcome, job_id=job.job_id)
        return [[] if isinstance(outcome, Exception) else outcome for outcome in outcomes]
