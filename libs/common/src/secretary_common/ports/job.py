"""Jobs, as the services need them from a store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from secretary_common.models import (
    Candidate,
    Job,
    JobQuery,
    Lease,
    NotifySlot,
    ProgressChange,
    Renewal,
    Settlement,
    Silence,
    StatusCounts,
    TypeStatistic,
)


class JobStorage(Protocol):
    """Jobs as clients know them: submitted, found, listed. All raise ``StoreUnavailable``."""

    async def insert(self, job: Job) -> None:
        """Store a new job durably (majority, journalled).

        Raises:
            KeyInUse: the owner has a job under the same idempotency key.
            NotStorable: the document cannot be encoded.
        """
        ...

    async def find_by_key(self, owner: str, key: str) -> Job | None:
        """The job under an idempotency key, once a majority has it; a deleted one has none."""
        ...

    async def release_key(self, job: Job) -> None:
        """Free the idempotency key of *job*, if it is still the one it was read with."""
        ...

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        ...

    async def deleted_among(self, job_ids: Collection[str]) -> set[str]:
        """Those of these jobs that clients deleted and that are not removed yet."""
        ...

    async def summaries(self, job_ids: Collection[str]) -> list[Job]:
        """Those of these jobs that are there and not deleted, without parameters and results."""
        ...

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        ...


class JobActionWrites(Protocol):
    """What clients ask of a job. All raise ``StoreUnavailable``.

    Each move is guarded by the job as it was read: None means that it moved on meanwhile and must
    be read again.
    """

    async def cancel(self, job: Job, now: datetime, expires_at: datetime) -> Job | None:
        """Cancel *job*, which waits."""
        ...

    async def request_cancel(self, job: Job, now: datetime) -> Job | None:
        """Ask the holder of *job*, which is processing, to stop it."""
        ...

    async def retry(self, job: Job, now: datetime) -> Job | None:
        """Start a new run of *job*, which has ended and whose outbox slot is empty."""
        ...

    async def delete(self, job: Job, now: datetime) -> Job | None:
        """Mark *job*, which nobody holds, as deleted: it is gone from every answer."""
        ...


class JobStatistics(Protocol):
    """How many jobs there are of what. All raise ``StoreUnavailable``."""

    async def statistics(
        self, job_types: Collection[str], now: datetime, *, owner: str | None = None
    ) -> dict[str, TypeStatistic]:
        """How busy each of these types is, exactly; of the jobs of *owner*, or of all."""
        ...

    async def batch_counts(self, batch_id: str) -> StatusCounts:
        """How many jobs of a batch are in each state; deleted ones do not count."""
        ...


class JobCandidates(Protocol):
    """Jobs that wait for a worker. All raise ``StoreUnavailable``."""

    async def candidates(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Candidate]:
        """Jobs of these types that may start now, the longest due first, whosever turn it is."""
        ...

    async def waiting_priorities(self, job_types: Collection[str], now: datetime) -> list[int]:
        """The priorities at which jobs of these types may start now, the highest first."""
        ...

    async def waiting_owners(
        self, job_types: Collection[str], priority: int, now: datetime
    ) -> list[str]:
        """The API keys whose jobs of *priority* may start now, by id."""
        ...

    async def oldest_waiting(
        self,
        job_types: Collection[str],
        priority: int,
        owners: Sequence[str],
        now: datetime,
        limit: int,
    ) -> list[Candidate]:
        """Of each of *owners* its oldest jobs of *priority* that may start now, *limit* at most.

        Key by key, the oldest first.
        """
        ...

    async def next_due(self, job_types: Collection[str], now: datetime) -> Candidate | None:
        """Of the jobs not yet due the one that is due first."""
        ...

    async def scheduled(self, job_id: str, now: datetime) -> Candidate | None:
        """The job, if it waits for a time still ahead."""
        ...


class JobClaims(Protocol):
    """Jobs under a lease, and every move an attempt makes. All raise ``StoreUnavailable``."""

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

        Those of these types, and of any type those that are cancelled, spent or poison.
        """
        ...

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        """Take over *job*, whose lease has ended; None if it moved on, is cancelled or poison."""
        ...

    async def record_silence(self, job_id: str, silence: Silence) -> None:
        """Add *silence* to the job, if that run has not ended; recording it twice adds it once.

        It names no lease: it tells of the past, whichever worker holds the job by now.
        """
        ...

    async def renew(
        self, owner: str, job_ids: Collection[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        """Extend the leases *owner* holds on these jobs; jobs not in the answer are lost."""
        ...

    async def cancel_requested_among(self, job_ids: Collection[str]) -> set[str]:
        """Those of these jobs whose cancellation was requested."""
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


class JobOutbox(Protocol):
    """The webhook outbox of jobs. All raise ``StoreUnavailable``."""

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Jobs whose outbox slot is due, the longest due first, without their parameters."""
        ...

    async def slots_of(self, job_ids: Collection[str]) -> list[Job]:
        """Those of these jobs whose slot holds an event, due or not; without their parameters."""
        ...

    async def next_slot_at(self, now: datetime) -> datetime | None:
        """When the earliest slot not yet due is due."""
        ...

    async def clear_slot(self, job_id: str, seq: int, now: datetime) -> bool:
        """Empty the slot and set ``notified_at``, if it still holds the event *seq*."""
        ...

    async def clear_slots(self, events: Sequence[tuple[str, int]], now: datetime) -> set[str]:
        """``clear_slot`` for many (job_id, seq); returns the jobs that hold another event now."""
        ...

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        """Move *slot* to *due_at*, if it still holds that event."""
        ...


class JobRepository(
    JobStorage, JobActionWrites, JobStatistics, JobCandidates, JobClaims, JobOutbox, Protocol
):
    """Jobs, and every move between their states."""
