"""The store interface of files."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secretary_common.models import FileInfo, StoredFile


@dataclass(frozen=True, slots=True)
class FileContent:
    """A stored file whose bytes can be read."""

    stored: StoredFile
    chunks: AsyncIterator[bytes]
    """The bytes in order, at most a few hundred KiB at a time.

    Raises ``StoreUnavailable``, and ``NotFound`` if the file is removed while it is read.
    """


class FileRepository(Protocol):
    """Files of any size; a file exists completely or not at all.

    The sweeper removes a file that no document names in time. All methods raise
    ``StoreUnavailable``.
    """

    async def save(
        self, content: AsyncIterable[bytes], info: FileInfo, *, max_bytes: int | None = None
    ) -> StoredFile:
        """Store *content* durably (majority, journalled) as the file that *info* describes.

        The parts of a file that was not completed are removed, at once or by the sweeper.

        Raises:
            FileTooLarge: *content* has more than *max_bytes*; raised while *content* arrives.
        """
        ...

    async def open(self, file_id: str) -> FileContent | None:
        """Open the file for reading; None if it does not exist or is not complete."""
        ...

    async def head(self, file_id: str) -> bytes:
        """Return the first ``HEAD_BYTES`` of the file, or all if it has fewer.

        Returns nothing if the file does not exist or is not complete.
        """
        ...

    async def delete(self, file_id: str) -> None:
        """Remove the file, complete or not; a missing file is no error."""
        ...

    async def of_job(self, job_id: str, limit: int) -> list[str]:
        """Return at most *limit* ids of files that this job's attempts stored or began to store."""
        ...

    async def due_for_check(self, now: datetime, limit: int) -> list[FileInfo]:
        """Return files, complete or not, for which the sweeper must check if a document names them.

        The file that has been due for the longest time comes first.
        """
        ...

    async def check_again(self, file_id: str, at: datetime) -> None:
        """Make the file ``due_for_check`` at *at*."""
        ...

    async def mark_for_removal(self, file_id: str, now: datetime) -> bool:
        """Exclude the file from ``keep_uploads``; False if the file is not due for a check.

        The sweeper first finds that no document names the file, then marks it, then deletes it.
        A ``keep_uploads`` before the mark postpones the check, so the mark fails. A
        ``keep_uploads`` after the mark leaves the file out, so no client can name the file.
        """
        ...

    async def upload_bytes(self, owner: str | None = None) -> dict[str, int]:
        """Return the size of all complete uploads of *owner*, by owner; None: of each owner."""
        ...

    async def keep_uploads(
        self, file_ids: Collection[str], now: datetime, *, owner: str | None = None
    ) -> dict[str, StoredFile]:
        """Return the complete uploads of *owner* among *file_ids*, by id; None: of any owner.

        Uploads that are marked for removal are left out. The others stay at least ``UPLOAD_KEPT``
        after *now*, so that a document can name them.
        """
        ...
