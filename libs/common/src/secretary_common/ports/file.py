"""Files, as the services need them from a store."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secretary_common.models import FileInfo, StoredFile


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file being read."""

    stored: StoredFile
    chunks: AsyncIterator[bytes]
    """Its bytes, in order, at most a few hundred KiB at a time; raises ``StoreUnavailable``, and
    ``NotFound`` if the file is removed meanwhile."""


class FileRepository(Protocol):
    """Files of any size, whole or not there at all. All raise ``StoreUnavailable``.

    A file counts for nothing until a document names it.
    """

    async def save(
        self, content: AsyncIterable[bytes], info: FileInfo, *, max_bytes: int | None = None
    ) -> StoredFile:
        """Store *content* durably (majority, journalled) as the file *info* tells of.

        What it stored of a file that came to no end is removed, at once or by the sweeper.

        Raises:
            FileTooLarge: *content* has more than *max_bytes*; seen while it comes in.
        """
        ...

    async def open(self, file_id: str) -> OpenFile | None:
        """The file, to be read; None if there is none, or not all of it."""
        ...

    async def delete(self, file_id: str) -> None:
        """Remove the file, or what there is of it; no matter if there is none."""
        ...

    async def of_job(self, job_id: str, limit: int) -> list[FileInfo]:
        """Files that attempts of this job stored or began to store, named or not."""
        ...

    async def due_for_check(self, now: datetime, limit: int) -> list[FileInfo]:
        """Files, whole or not, that may be named by nobody: the longest due first."""
        ...

    async def check_again(self, file_id: str, at: datetime) -> None:
        """Have the file be ``due_for_check`` at *at*."""
        ...

    async def mark_for_removal(self, file_id: str, now: datetime) -> bool:
        """Have the file be held by nobody any more; False if it is not due for a check.

        Who finds no document that names it, and then condemns it, may delete it: whoever was about
        to name it was told that it is not there, or has put its check off.
        """
        ...

    async def hold_uploads(
        self, file_ids: Collection[str], now: datetime, *, owner: str | None = None
    ) -> dict[str, StoredFile]:
        """Those of these that are uploads of *owner* (None: of anybody), whole, by their id.

        They stay for ``UPLOAD_HELD`` from *now* on, named or not: time enough to name them.
        """
        ...
