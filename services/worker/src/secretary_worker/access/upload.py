"""Uploads, as handlers open them: a copy that has no name and is gone afterwards."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from secretary_common.errors import ErrorCode, NotFound, PermanentError, StoreUnavailable
from secretary_common.models import ADMIN, BOOTSTRAP_ID, FileKind, StoredFile
from secretary_common.ports import FileRepository, KeyRepository
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.source import OpenFile, check_size
from secretary_worker.attempt.repository import OpenUpload

PATIENCE_SEC = 30.0
"""How long a store that does not answer is asked again before the attempt is given up."""
RETRY_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Uploads:
    """Opens uploads, from whatever loop it is asked in."""

    files: FileRepository
    keys: KeyRepository
    bridge: Bridge

    @asynccontextmanager
    async def open(self, file_id: str, owner: str, max_bytes: int) -> AsyncIterator[OpenFile]:
        """The upload that a job of the API key *owner* names, to be read.

        Raises:
            PermanentError: FILE_NOT_FOUND, it is not there for *owner*; PDF_TOO_LARGE.
            StoreUnavailable: MongoDB did not answer for ``PATIENCE_SEC``.
        """
        async with self.open_whole(file_id, owner, max_bytes) as upload:
            yield OpenFile(upload.file.fileno(), upload.name, upload.size)

    @asynccontextmanager
    async def open_whole(
        self, file_id: str, owner: str, max_bytes: int | None = None
    ) -> AsyncIterator[OpenUpload]:
        """The same as a file object; of any size unless *max_bytes* is given."""
        with tempfile.TemporaryFile() as file:
            stored = await self._fetch(file_id, owner, max_bytes, file)
            file.seek(0)
            yield OpenUpload(stored.name, stored.size, file)

    async def _fetch(
        self, file_id: str, owner: str, max_bytes: int | None, file: BinaryIO
    ) -> StoredFile:
        give_up_at = time.monotonic() + PATIENCE_SEC
        while True:
            try:
                return await self._copy(file_id, owner, max_bytes, file)
            except StoreUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(RETRY_SEC)

    async def _copy(
        self, file_id: str, owner: str, max_bytes: int | None, file: BinaryIO
    ) -> StoredFile:
        if not isinstance(file_id, str):  # from parameters that nobody checked
            raise _not_found(file_id)
        found = await self.bridge.call(lambda: self.files.open(file_id))
        if found is None or not await self._may_open(found.stored, owner):
            raise _not_found(file_id)
        if max_bytes is not None:
            check_size(found.stored.size, max_bytes)
        file.seek(0)
        file.truncate()
        try:
            async for chunk in self.bridge.each(found.chunks):
                await asyncio.to_thread(file.write, chunk)
        except NotFound:  # it is being removed
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
    message = "there is no such upload, or not any more"
    return PermanentError(message, code=ErrorCode.FILE_NOT_FOUND, details={"file_id": file_id})
