"""What the services need from a store and a broker, as protocols: one in-memory, one real each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from secretary_common.models import (
    ApiKey,
    Candidate,
    Delivery,
    DeliveryAttempt,
    DueDelivery,
    Job,
    JobQuery,
    JobTypeInfo,
    Lease,
    LogEntry,
    NotifySlot,
    ProgressChange,
    Renewal,
    Settlement,
)
from secretary_common.states import DeliveryState


class JobRepository(Protocol):
    """Jobs, and every move between their states. All methods raise ``StoreUnavailable``."""

    async def insert(self, job: Job) -> None:
        """Store a new job durably (majority, journalled).

        Raises:
            NotStorable: the document cannot be encoded.
        """
        ...

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        ...

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        ...

    async def candidates(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Candidate]:
        """Jobs of these types that may start now: by priority, then by ``run_at``."""
        ...

    async def next_run_at(self, job_types: Collection[str], now: datetime) -> datetime | None:
        """When the earliest of the jobs not yet due is due."""
        ...

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
    ) -> Job | None:
        """Take a waiting, due job: it is ``processing`` under *lease*, its attempt raised.

        None if somebody else has it, or it may not start.
        """
        ...

    async def held(self, job_id: str, token: str) -> Job | None:
        """The job if it stands under the lease *token*: finds a claim whose answer was lost."""
        ...

    async def ended_leases(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Job]:
        """Running jobs whose lease has ended, the longest ended first.

        Those of these types, and of any type those that are cancelled or spent.
        """
        ...

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        """Take over *job*, whose lease has ended; None if it moved on or is cancelled."""
        ...

    async def renew(
        self, owner: str, job_ids: Collection[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        """Extend the leases *owner* holds on these jobs; jobs not in the answer are lost."""
        ...

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        """Write progress under the attempt's lease; returns the job's ``notified_at``.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        ...

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        """End the attempt that holds *job* under *token*. Safe to repeat after a lost answer.

        With *ended* it does so for a holder that is gone: only if its lease ended before
        ``settlement.at``.

        A RETRY or HANDED_BACK of a job whose cancellation was requested becomes CANCELLED; the
        settlement that was made is returned.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        ...

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Jobs whose outbox slot is due, the longest due first."""
        ...

    async def next_slot_at(self, now: datetime) -> datetime | None:
        """When the earliest slot not yet due is due."""
        ...

    async def clear_slot(self, job_id: str, seq: int, now: datetime) -> bool:
        """Empty the slot and set ``notified_at``, if it still holds the event *seq*."""
        ...

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        """Move *slot* to *due_at*, if it still holds that event."""
        ...


class LogRepository(Protocol):
    """The log entries of jobs."""

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Store entries; one already there (same attempt and seq) is left as it is."""
        ...

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        """The last *limit* entries, oldest first."""
        ...


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


class JobTypeRepository(Protocol):
    """The job types that have been announced."""

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        """Make types known, or refresh their schema; never touches ``paused``."""
        ...

    async def all(self) -> list[JobTypeInfo]:
        """Every announced type, by name."""
        ...


class KeyRepository(Protocol):
    """API keys."""

    async def insert(self, key: ApiKey) -> None:
        """Store a new key."""
        ...

    async def get(self, key_id: str) -> ApiKey | None:
        """The key, by its public half."""
        ...

    async def all(self) -> list[ApiKey]:
        """Every key, by id."""
        ...

    async def delete(self, key_id: str) -> bool:
        """Forget a key; False if it was not there."""
        ...


class Doorbell(Protocol):
    """Rings whoever should look at MongoDB. Ringing never fails: polling covers a lost ring."""

    async def ring_job(self, job_type: str, job_id: str) -> bool:
        """Tell the workers about a job; False if the broker did not confirm within a second."""
        ...

    async def ring_delivery(self, delivery_id: str) -> bool:
        """Tell the notifiers about an event."""
        ...
