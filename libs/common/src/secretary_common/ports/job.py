"""The store interfaces of jobs: storage, actions, counts, candidates, claims, outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from secretary_common.models import (
    EndedCount,
    Job,
    JobQuery,
    Lease,
    NotifySlot,
    ProgressChange,
    Renewal,
    Settlement,
    StatusCounts,
    TypeStatistic,
    WorkerFailure,
)
from secretary_common.ports.candidate import JobCandidates


class JobStorage(Protocol):
    """Jobs for clients: insert, find, list. All methods raise ``StoreUnavailable``."""

    async def insert(self, job: Job) -> None:
        """Store a new job durably (majority, journalled).

        Raises:
            KeyInUse: the owner has a job under the same idempotency key.
            NotStorable: the document cannot be encoded.
        """
        ...

    async def find_by_key(self, owner: str, key: str) -> Job | None:
        """Return the job under an idempotency key, once a majority has it.

        Deleted jobs are not found.
        """
        ...

    async def release_key(self, job: Job) -> None:
        """Free the idempotency key of *job*, if the stored key is still the one in *job*."""
        ...

    async def get(self, job_id: str) -> Job | None:
        """Return the job, unless it is unknown or deleted."""
        ...

    async def deleted_among(self, job_ids: Collection[str]) -> set[str]:
        """Return the ids of these jobs that are marked as deleted and not removed yet."""
        ...

    async def summaries(self, job_ids: Collection[str]) -> list[Job]:
        """Return these jobs without parameters and results; skip unknown and deleted jobs."""
        ...

    async def find(self, query: JobQuery) -> list[Job]:
        """Return at most ``query.limit`` jobs, newest first, without parameters and results."""
        ...

    async def find_page(self, query: JobQuery) -> tuple[list[Job], tuple[datetime, str] | None]:
        """Return jobs as ``find`` does, and the place for ``query.after`` of the next page.

        With several filters, a page may have fewer jobs although others follow. None: none follows.
        """
        ...


class JobActionWrites(Protocol):
    """The writes behind the clients' actions. All methods raise ``StoreUnavailable``.

    Each write expects the job as the caller read it; ``request_cancel`` expects only the lease.
    None means that the job has changed meanwhile, so the caller must read the job again.
    """

    async def cancel(self, job: Job, now: datetime, expires_at: datetime) -> Job | None:
        """Cancel *job*, which is pending."""
        ...

    async def request_cancel(self, job: Job, now: datetime) -> Job | None:
        """Ask the worker that holds *job* to stop it."""
        ...

    async def retry(self, job: Job, now: datetime) -> Job | None:
        """Start a new run of *job*, which has ended and whose outbox slot is empty."""
        ...

    async def delete(self, job: Job, now: datetime) -> Job | None:
        """Mark *job*, which no worker holds, as deleted; no answer shows it any more."""
        ...


class JobStatistics(Protocol):
    """Counts of jobs. All methods raise ``StoreUnavailable``."""

    async def statistics(
        self,
        job_types: Collection[str],
        now: datetime,
        *,
        owner: str | None = None,
        most: int | None = None,
    ) -> dict[str, TypeStatistic]:
        """Count the jobs of each of *job_types* exactly. *owner*: only this owner's jobs.

        *most*: count at most this many jobs of a type in a state, which bounds the cost.
        """
        ...

    async def ended(
        self, since: datetime, until: datetime, slot_sec: float, retention: timedelta
    ) -> list[EndedCount]:
        """Count the jobs that ended in [*since*, *until*), by slots of *slot_sec* from *since* on.

        The time of the end is ``expires_at`` less *retention*. Deleted jobs do not count.
        """
        ...

    async def running_by_owner(self, owners: Collection[str] | None = None) -> dict[str, int]:
        """Count the running jobs of each owner that has any; None: of all owners."""
        ...

    async def pending_by_owner(self) -> dict[str, int]:
        """Count the pending jobs of each owner that has any."""
        ...

    async def pending_of(self, owner: str, job_types: Collection[str], most: int) -> int:
        """Count the pending jobs of *owner* of these types, at most *most*."""
        ...

    async def batch_counts(self, batch_id: str) -> StatusCounts:
        """Count the jobs of a batch in each state, without deleted jobs."""
        ...


class JobClaims(Protocol):
    """Jobs under a lease and every transition of an attempt. All raise ``StoreUnavailable``."""

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
    ) -> Job | None:
        """Claim a waiting, due job: it becomes ``processing`` under *lease*; ``attempt`` grows.

        None if another worker has the job, or if the job may not start.
        """
        ...

    async def claim_many(
        self, job_ids: Sequence[str], lease: Lease, now: datetime, job_types: Collection[str]
    ) -> list[Job]:
        """Claim each of these jobs as ``claim`` does, all under one *lease* with one token.

        Returns the claimed jobs, in the order of *job_ids*. ``StoreUnavailable`` means that the
        outcome is unknown for each of the jobs, and may differ between them; see ``held``.
        """
        ...

    async def claim_within(
        self,
        job_ids: Sequence[str],
        lease: Lease,
        now: datetime,
        job_types: Collection[str],
        *,
        owner: str,
        most: int,
    ) -> list[Job]:
        """Claim as ``claim_many`` does, but let at most *most* jobs of *owner* run at one time.

        All workers together keep this limit. Of *job_ids*, which are jobs of *owner*, the first
        ones are claimed. After a failure some of the jobs may be claimed.
        """
        ...

    async def held(self, job_id: str, token: str) -> Job | None:
        """Return the job if it has the lease *token*, once a majority has that claim.

        This finds a claim whose answer was lost.
        """
        ...

    async def ended_leases(
        self, job_types: Collection[str], now: datetime, limit: int, *, lost_leases: int
    ) -> list[Job]:
        """Return running jobs whose lease has ended, the earliest end first.

        A job of a type outside *job_types* is returned only if its cancellation was requested, it
        is poison, or it had lost at least *lost_leases* leases before this one.
        """
        ...

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        """Claim *job*, whose lease has ended.

        ``lost_leases`` grows by 1, and the lost attempt is forgiven. None if the job has changed,
        is to be cancelled or is poison.
        """
        ...

    async def record_worker_failure(self, job_id: str, failure: WorkerFailure) -> None:
        """Add *failure* to the job, if the run of *failure* has not ended. Safe to repeat.

        The write expects no lease, because another worker may hold the job now. The failure
        ``STOPPED`` is added only if the run had lost a lease before that attempt.
        """
        ...

    async def renew(
        self, owner: str, job_ids: Collection[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        """Extend the leases of *owner* on these jobs; jobs missing in the result are lost.

        A renewal that arrives after a later one, by at most ``LATEST_RENEWAL``, shortens no lease.
        """
        ...

    async def cancel_requested_among(self, job_ids: Collection[str]) -> set[str]:
        """Return the jobs among *job_ids* whose cancellation was requested."""
        ...

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        """Write progress under the attempt's lease; return the job's ``notified_at``.

        If *change* does not ask for ``notified_at``, None is returned.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        ...

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        """End the attempt that holds *job* under *token*; return the settlement that was written.

        A RETRY or HANDED_BACK of a job whose cancellation was requested becomes CANCELLED. Safe to
        repeat after a lost answer.

        Args:
            job: as it was claimed; with *ended*, as it was read.
            token: the token of the attempt's lease.
            settlement: how the attempt ends.
            ended: settle only if the lease ended by ``settlement.at`` and the job has not changed,
                for a worker that is gone.

        Raises:
            StaleClaim: the attempt no longer holds the job, or another process settled it.
        """
        ...


class JobOutbox(Protocol):
    """The webhook outbox of jobs. All methods raise ``StoreUnavailable``."""

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Return jobs whose outbox slot is due, the earliest first, without parameters."""
        ...

    async def slots_of(self, job_ids: Collection[str]) -> list[Job]:
        """Return these jobs without parameters; jobs whose slot is empty are left out."""
        ...

    async def next_slot_at(self, now: datetime) -> datetime | None:
        """Return the earliest due time after *now* of any slot."""
        ...

    async def clear_slots(self, events: Sequence[tuple[str, int]], now: datetime) -> set[str]:
        """Empty the slots that still hold these events (job_id, seq), and set ``notified_at``.

        Returns the ids of jobs whose slot holds another event now.
        """
        ...

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        """Set the due time of the job's slot; False if the slot no longer holds the same event."""
        ...


class JobRepository(
    JobStorage, JobActionWrites, JobStatistics, JobCandidates, JobClaims, JobOutbox, Protocol
):
    """Jobs and every transition between their states."""
