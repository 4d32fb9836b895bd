"""Turns outbox slots of jobs into deliveries: all that are due, or the slot of one job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from secretary_common.jobs import outbox
from secretary_common.models import Delivery, DueDelivery, Job
from secretary_common.ports import DeliveryRepository, JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

SLOTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Relayed:
    """The result of relaying one job: a delivery to send, the time of the next, both or neither."""

    due: DueDelivery | None = None
    next_at: datetime | None = None


class Relay:
    """Turns outbox slots into deliveries; concurrent calls for single jobs share their writes."""

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
            jobs: the repository with the slots.
            deliveries: the repository for the new deliveries.
            clock: the clock of the store.
            public_url: the URL of the API.
            first_wait_sec: the wait before the first attempt of a terminal event.
        """
        self._jobs = jobs
        self._deliveries = deliveries
        self._clock = clock
        self._public_url = public_url
        self._first_wait_sec = first_wait_sec
        self._group: GroupCommit[str, Relayed] = GroupCommit(
            self._relay_jobs, largest=SLOTS_AT_ONCE
        )

    async def relay_due(self) -> tuple[list[DueDelivery], bool]:
        """Relay at most 64 due slots; return the deliveries to send, and whether more may be due.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        jobs = await self._jobs.due_slots(self._clock.now(), SLOTS_AT_ONCE)
        made = await self._relay(jobs)
        due = [delivery.to_due() for delivery in made if delivery and self._is_due(delivery)]
        return due, len(jobs) == SLOTS_AT_ONCE

    async def relay_job(self, job_id: str) -> Relayed:
        """Relay the slot of one job if it is due; otherwise find another due delivery of the job.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        return await self._group.submit(job_id)

    async def next_at(self, now: datetime) -> datetime | None:
        """Return the earliest due time of a slot after *now*; None if no slot is due later."""
        return await self._jobs.next_slot_at(now)

    async def _relay_jobs(self, job_ids: list[str]) -> Sequence[Relayed]:
        jobs = {job.job_id: job for job in await self._jobs.slots_of(set(job_ids))}
        waiting = list(jobs.values())
        made = dict(zip(jobs, await self._relay(waiting), strict=True))
        # A repeated doorbell, a delivery resent by hand, or a test.
        others = {job_id for job_id in job_ids if not made.get(job_id)}
        due = await self._deliveries.due_of_jobs(others, self._clock.now()) if others else {}
        return [self._result(jobs.get(id_), made.get(id_), due.get(id_)) for id_ in job_ids]

    def _result(self, job: Job | None, made: Delivery | None, other: DueDelivery | None) -> Relayed:
        now = self._clock.now()
        if made is not None and self._is_due(made):
            return Relayed(due=made.to_due())
        if made is not None:
            return Relayed(next_at=made.next_attempt_at)
        if job is None or job.notify is None:
            return Relayed(due=other)
        # The slot is not due yet, or it was postponed just now: the next round finds it.
        return Relayed(due=other, next_at=max(job.notify.due_at, now))

    def _is_due(self, delivery: Delivery) -> bool:
        at = delivery.next_attempt_at
        return at is not None and at <= self._clock.now()

    async def _relay(self, jobs: Sequence[Job]) -> list[Delivery | None]:
        if not jobs:
            return []
        outcomes = await outbox.relay_all(
            jobs,
            self._jobs,
            self._deliveries,
            self._clock.now(),
            self._public_url,
            wait_sec=self._first_wait_sec,
        )
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Exception):
                log.error("slot.relay_failed", exc=outcome, job_id=job.job_id)
        return [None if isinstance(outcome, Exception) else outcome for outcome in outcomes]
