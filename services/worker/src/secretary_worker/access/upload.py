"""Opens uploads for handlers. A handler gets a temporary copy of the upload, without a name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from secretary_common.errors import ErrorCode, NotFound, PermanentError, StoreUnavailable
from secretary_common.models import ADMIN, BOOTSTRAP_ID, FileKind, StoredFile
from secretary_common.ports import FileRepository, KeyRepository
from secretary_common.runtime.temporary_file import reserve, temporary_file
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.source import OpenFile, check_size
from secretary_worker.attempt.repository import OpenUpload

PATIENCE_SEC = 30.0
"""The time for which ``Uploads`` repeats its reads while the store does not answer."""
RETRY_SEC = 1.0

CheckSize = Callable[[int], None]
"""Raises ``PermanentError`` if a file of this size, in bytes, is too large."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Opens uploads as temporary copies. May be used from any loop."""

    files: FileRepository
    keys: KeyRepository
    bridge: Bridge

    @asynccontextmanager
    async def open(
        self,
        file_id: str,
        owner: str,
        max_bytes: int,
        *,
        too_large: str = ErrorCode.FILE_TOO_LARGE,
    ) -> AsyncIterator[OpenFile]:
        """Open an upload for a job of the API key *owner*.

        Raises:
            PermanentError: FILE_NOT_FOUND, the upload does not exist, or *owner* may not open it;
                *too_large*, the upload has more than *max_bytes*.
            StoreUnavailable: MongoDB did not answer for ``PATIENCE_SEC``.
            WorkerUnfit: the worker has no room for the copy.
        """
        opening = self.open_upload(file_id, owner, max_bytes, too_large=too_large)
        async with opening as upload:
            yield OpenFile(upload.file.fileno(), upload.name, upload.size)

    @asynccontextmanager
    async def open_upload(
        self,
        file_id: str,
        owner: str,
        max_bytes: int | None = None,
        *,
        too_large: str = ErrorCode.FILE_TOO_LARGE,
    ) -> AsyncIterator[OpenUpload]:
        """Open an upload as a file object. Its size is checked only if *max_bytes* is given.

        Raises: see ``open``.
        """

        def check(size: int) -> None:
            if max_bytes is not None:
                check_size(size, max_bytes, too_large)

        with temporary_file() as file:
            stored = await self._fetch(file_id, owner, check, file)
            file.seek(0)
            yield OpenUpload(stored.name, stored.size, file)

    async def _fetch(
        self, file_id: str, owner: str, check: CheckSize, file: BinaryIO
    ) -> StoredFile:
        give_up_at = time.monotonic() + PATIENCE_SEC
        while True:
            try:
                return await self._copy(file_id, owner, check, file)
            except StoreUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(RETRY_SEC)

    async def _copy(self, file_id: str, owner: str, check: CheckSize, file: BinaryIO) -> StoredFile:
        if not isinstance(file_id, str):  # parameters may be unchecked
            raise _not_found(file_id)
        found = await self.bridge.call(lambda: self.files.open(file_id))
        if found is None or not await self._may_open(found.stored, owner):
            raise _not_found(file_id)
        check(found.stored.size)
        file.seek(0)
        file.truncate()
        reserve(file, found.stored.size)
        try:
            async for chunk in self.bridge.each(found.chunks):
                await asyncio.to_thread(file.write, chunk)
        except NotFound:  # the upload is being removed
            raise _not_found(file_id) from None
        return found.stored

    async def _may_open(self, stored: StoredFile, owner: str) -> bool:
        if stored.kind is not FileKind.UPLOAD:
            return False
        if owner in (stored.owner, BOOTSTRAP_ID):
            return True
        key = await self.bridge.call(lambda: self.keys.get(owner))
        return key is not None and ADMIN in key.scopes


def _not_found(file_id: str) -> PermanentError:
    message = "there is no such upload, or it has been removed"
    return PermanentError(message, code=ErrorCode.FILE_NOT_FOUND, details={"file_id": file_id})
