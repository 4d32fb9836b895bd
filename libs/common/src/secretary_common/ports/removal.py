"""The store interfaces of the sweeper: expired jobs, old batches, unused files, a lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secretary_common.models import FileInfo

Place = tuple[datetime, str]
"""The position of a walk through jobs or batches: a time, then an id."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A job or batch that is due for removal."""

    place: Place
    has_event: bool = False
    """Whether an event waits in the job's outbox slot."""
    deleted: bool = False
    """Whether a client deleted the job. If not, the job's retention has ended."""
    keyed_until: datetime | None = None
    """Until when the job's idempotency key counts; None: the job has none."""
    is_tombstone: bool = False
    """Whether only the idempotency key of a job is left."""

    @property
    def id(self) -> str:
        """The id of the job or the batch."""
        return self.place[1]


class RemovalRepository(Protocol):
    """Finds and removes jobs, batches and files. All methods raise ``StoreUnavailable``."""

    async def expired_jobs(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        """Return ended jobs that expired by *before*, the earliest expiry first.

        Only jobs behind the position *after*.
        """
        ...

    async def set_aside_hidden(self, limit: int) -> int:
        """Set aside unreadable jobs and deliveries that no other read finds; return the count.

        A field of another type hides a document from every query by that field. Other reads
        set aside the unreadable documents that they find. At most *limit* of each kind.
        """
        ...

    async def mark_expired_as_deleted(self, job_id: str, before: datetime, now: datetime) -> bool:
        """Mark an ended job that expired by *before* as deleted, so that no write changes it.

        False if the job has not ended or not expired by *before*, or if its outbox slot has an
        event.
        """
        ...

    async def make_tombstone(self, job_id: str, now: datetime, until: datetime) -> bool:
        """Remove the content of a job, but keep the job under its idempotency key.

        The job expires again at *until*. False for the same jobs as ``remove_job``: one that is not
        marked as deleted, or that has an event.
        """
        ...

    async def remove_job(self, job_id: str) -> bool:
        """Remove an ended job that is marked as deleted and has no event; else return False."""
        ...

    async def is_referenced(self, file: FileInfo) -> bool:
        """Return whether a document names *file*, or the attempt that stored it may still do so.

        A job that is not deleted names the upload in its parameters. A cache entry names the file
        that holds its value.
        """
        ...

    async def old_batches(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        """Return batches created by *before*, the oldest first, behind the position *after*."""
        ...

    async def remove_batch(self, batch_id: str) -> bool:
        """Remove a batch that has no job left; False if a job is left or the batch is unknown."""
        ...


class LockRepository(Protocol):
    """Locks with a lease, for work that only one process may do at a time.

    All methods raise ``StoreUnavailable``.
    """

    async def take(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        """Take or keep the lock *name* for *owner* until *until*; False if another owner has it."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Release the lock, if *owner* has it."""
        ...
