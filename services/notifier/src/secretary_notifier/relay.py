"""Turns outbox slots of jobs into deliveries: all that are due, and those of given jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from secretary_common.errors import NotStorable, StoreUnavailable
from secretary_common.jobs import outbox
from secretary_common.models import Delivery, DueDelivery, Job, Lease, Obstacles
from secretary_common.ports import (
    DeliveryRepository,
    DeliveryStorage,
    EndpointRepository,
    JobRepository,
)
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

SLOTS_AT_ONCE = 64

Check = asyncio.Future[Obstacles]
OnStored = Callable[[list[DueDelivery]], object]


@dataclass(frozen=True, slots=True)
class Relayed:
    """The result of relaying."""

    new: list[DueDelivery] = field(default_factory=list)
    """The new deliveries to send."""
    found: list[DueDelivery] = field(default_factory=list)
    """Deliveries to send that were stored before."""
    next_at: datetime | None = None
    """When a slot of the given jobs, or the delivery made from it, is due; None: none waits."""
    more: bool = False
    """Whether more slots may be due."""

    @property
    def due(self) -> list[DueDelivery]:
        """All deliveries to send."""
        return [*self.new, *self.found]


class FirstClaims:
    """Stores new deliveries, and claims in the same write those that may be sent at once.

    So no write of their own comes before their first request. A notifier that dies meanwhile
    leaves deliveries whose leases end, as after any claim.

    Each claimed delivery is checked for obstacles. For the end of a job, the check runs at the same
    time as the write: an event of a later run exists only if a client has retried the job, and the
    API stores the end of the earlier run before that. So the write, which then finds the delivery
    stored, does not claim it. Other events are checked after the write.
    """

    def __init__(
        self,
        deliveries: DeliveryStorage,
        clock: Clock,
        *,
        new_lease: Callable[[], Lease],
        take_slot: Callable[[DueDelivery], bool],
        free_slot: Callable[[DueDelivery], object],
        check: Callable[[Delivery], Awaitable[Obstacles]],
        send: Callable[[Delivery, Check | None], object],
    ) -> None:
        """Prepare to claim.

        Args:
            deliveries: the repository for the new deliveries.
            clock: the clock of the store.
            new_lease: returns a lease of this notifier.
            take_slot: takes the slot that sending a delivery needs; False: there is none.
            free_slot: frees the slot of a delivery that was not claimed.
            check: returns the obstacles of a claimed delivery.
            send: sends a claimed delivery after its check, which it makes if there is none.
        """
        self._deliveries = deliveries
        self._clock = clock
        self._new_lease = new_lease
        self._take_slot = take_slot
        self._free_slot = free_slot
        self._check = check
        self._send = send
        self._in_doubt: dict[str, Lease] = {}
        """The leases of claims whose answer was lost, by delivery id."""

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        """Store *deliveries*, and send those that are claimed.

        Raises:
            StoreUnavailable: some may be stored and claimed. A repeat uses the same leases.
        """
        leases = self._take(deliveries)
        if not leases:
            return await self._deliveries.insert_absent(deliveries)
        claims = {
            one.delivery_id: one.claimed(leases[one.delivery_id])
            for one in deliveries
            if one.delivery_id in leases
        }
        checks = {
            name: self._begin_check(one) for name, one in claims.items() if one.is_terminal_event
        }
        held: set[str] = set()
        try:
            outcomes = await self._deliveries.insert_claimed(deliveries, leases)
            claimed = zip(deliveries, outcomes, strict=True)
            held = {one.delivery_id for one, outcome in claimed if outcome is True}
        except StoreUnavailable:
            self._in_doubt |= leases
            raise
        finally:
            for name, one in claims.items():
                if name in held:
                    self._send(one, checks.get(name))
                else:
                    self._free_slot(one.to_due())
                    if name in checks:
                        checks[name].cancel()
        return outcomes

    def _begin_check(self, claim: Delivery) -> Check:
        check = asyncio.ensure_future(self._check(claim))
        check.add_done_callback(lambda done: done.cancelled() or done.exception())  # as retrieved
        return check

    def _take(self, deliveries: Sequence[Delivery]) -> dict[str, Lease]:
        now, lease = self._clock.now(), self._new_lease()
        in_doubt = {name: one for name, one in self._in_doubt.items() if one.expires_at > now}
        leases = {
            one.delivery_id: in_doubt.pop(one.delivery_id, lease)
            for one in deliveries
            if one.next_attempt_at and one.next_attempt_at <= now and self._take_slot(one.to_due())
        }
        self._in_doubt = in_doubt
        return leases


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
        stores: outbox.NewDeliveries | None = None,
    ) -> Relayed:
        """Relay at most 64 due slots, and the slots of the jobs *rung*.

        For a job of *rung* without a due slot, find another due delivery of the job. *on_stored* is
        called with new deliveries that are due, before the slots are cleared. *stores* stores new
        deliveries; None: the repository.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        async with self._turn:
            jobs = await self._jobs.due_slots(self._clock.now(), SLOTS_AT_ONCE)
            more = len(jobs) == SLOTS_AT_ONCE
            if unread := set(rung) - {job.job_id for job in jobs}:
                jobs = [*jobs, *await self._jobs.slots_of(unread)]
            made = await self._relay(jobs, on_stored, stores or self._deliveries)
        # A repeated doorbell, a delivery resent by hand, or a test.
        others = set(rung) - {delivery.job_id for delivery in chain.from_iterable(made)}
        found = await self._deliveries.due_of_jobs(others, self._clock.now()) if others else {}
        new = [each.to_due() for each in chain.from_iterable(made) if self._is_due(each)]
        return Relayed(new, [*found.values()], self._next_of(jobs, made), more)

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
        self, jobs: Sequence[Job], on_stored: OnStored, stores: outbox.NewDeliveries
    ) -> list[list[Delivery]]:
        """Relay the slots of *jobs*; return the deliveries of each job."""
        if not jobs:
            return []
        outcomes = await outbox.relay_all(
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
