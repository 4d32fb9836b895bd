"""What removing old things needs from a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secretary_common.models import FileInfo

Place = tuple[datetime, str]
"""Where a walk through jobs or batches has come to: a time, and an id among those of that time."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A job or batch whose time is over."""

    place: Place
    has_event: bool = False
    """An event waits in its outbox slot."""
    deleted: bool = False
    """A client deleted it; else its retention is over."""

    @property
    def id(self) -> str:
        """Of the job or the batch."""
        return self.place[1]


class RemovalRepository(Protocol):
    """Jobs and batches whose time is over, and who names a file. All raise ``StoreUnavailable``."""

    async def expired_jobs(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        """Ended jobs that expired by *before*, the longest expired first, behind *after*."""
        ...

    async def fence(self, job_id: str, before: datetime, now: datetime) -> bool:
        """Mark an ended job that expired by *before* as deleted: from now on nobody changes it.

        False if it does not expire (any more), or an event waits in its outbox slot.
        """
        ...

    async def remove_job(self, job_id: str) -> bool:
        """Remove a job that is marked as deleted; False if it is none such."""
        ...

    async def is_named(self, file: FileInfo) -> bool:
        """Whether a document names *file*, or the attempt that stored it may still come to.

        An upload is named by any job that has it in its parameters and is not deleted, a file of
        the cache by its entry.
        """
        ...

    async def old_batches(
        self, before: datetime, limit: int, *, after: Place | None = None
    ) -> list[Expired]:
        """Batches made by *before*, the oldest first, behind *after*."""
        ...

    async def remove_batch(self, batch_id: str) -> bool:
        """Remove a batch of which no job is left; False if there is one."""
        ...


class LockRepository(Protocol):
    """Leases on things that one process at a time may do. All raise ``StoreUnavailable``."""

    async def take(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        """Take or keep the lock *name* for *owner* until *until*; False: somebody else has it."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Give the lock up, if *owner* has it."""
        ...
