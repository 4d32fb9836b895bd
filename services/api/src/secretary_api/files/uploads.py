"""Files that clients upload: taken in as they come, and named by jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from weakref import WeakValueDictionary

from secretary_api.http.errors import refused_fields
from secretary_api.http.multipart import FileBody
from secretary_common.errors import BodyTooLarge, ErrorCode, FileTooLarge
from secretary_common.models import FileInfo, FileKind, JsonObject, StoredFile
from secretary_common.models.file import UPLOAD_FORMAT, UPLOAD_PARAMETER
from secretary_common.ports import FileRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

AT_ONCE = 32
"""Uploads taken in at a time; each holds a few MiB. The others wait, unread."""
OF_ONE_KEY = 8
"""Of them those of one API key: nobody keeps the others out."""


class Uploads:
    """Takes uploads in, and tells whether a job may name one."""

    def __init__(self, files: FileRepository, clock: Clock, *, max_bytes: int) -> None:
        """*max_bytes*: of one file."""
        self._files = files
        self._clock = clock
        self._max_bytes = max_bytes
        self._turns = _Turns(AT_ONCE, OF_ONE_KEY)

    async def take_in(
        self, content_type: str, body: AsyncIterator[bytes], owner: str
    ) -> StoredFile:
        """Store the file in *body*, a request of the API key *owner*; no more is read than needed.

        Raises:
            UnsupportedMediaType: the body is no multipart/form-data.
            InvalidRequest: it is not one file with a good name.
            BodyTooLarge: the file is over the limit.
            StoreUnavailable: MongoDB did not answer.
        """
        sent = FileBody(content_type, body)
        async with self._turns.take(owner):
            info = FileInfo(
                kind=FileKind.UPLOAD,
                owner=owner,
                name=await sent.name(),
                created_at=self._clock.now(),
            )
            try:
                async with aclosing(sent.content()) as content:
                    stored = await self._files.save(content, info, max_bytes=self._max_bytes)
            except FileTooLarge as error:
                raise BodyTooLarge(f"{error.message} (files.max_upload_mb)") from None
        log.info("file.uploaded", file_id=stored.file_id, size=stored.size, key_id=owner)
        return stored

    async def require(self, named: Mapping[str, str], owner: str | None) -> None:
        """Accept *named*, uploads by the fields that name them, and have them stay for a while.

        Args:
            named: ids by the path of their field, e.g. ``parameters.file_id``.
            owner: whose they must be; None: anybody's.

        Raises:
            InvalidRequest: FILE_NOT_FOUND, naming each field whose upload is not there.
        """
        if not named:
            return
        there = await self._files.hold_uploads(set(named.values()), self._clock.now(), owner=owner)
        why = "there is no such upload (POST /api/files makes one)"
        missing = [(field, why) for field, file_id in named.items() if file_id not in there]
        if missing:
            raise refused_fields(*missing, code=ErrorCode.FILE_NOT_FOUND)


def named_upload(parameters: JsonObject, schema: JsonObject) -> str | None:
    """The upload that the *parameters* of a job name, if its type's *schema* has one."""
    declared = schema.get("properties", {}).get(UPLOAD_PARAMETER)
    given = parameters.get(UPLOAD_PARAMETER)
    is_upload = isinstance(declared, dict) and declared.get("format") == UPLOAD_FORMAT
    return given if is_upload and isinstance(given, str) else None


class _Turns:
    """Lets so many in at a time, and so many of one key."""

    def __init__(self, at_once: int, of_one_key: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._of_one_key = of_one_key
        self._of_key: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key: str) -> AsyncIterator[None]:
        """Wait for a turn of *key*, and have it while inside."""
        own = self._of_key.setdefault(key, asyncio.Semaphore(self._of_one_key))
        async with own, self._all:
            yield
