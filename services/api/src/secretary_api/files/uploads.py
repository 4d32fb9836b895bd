"""Stores uploads of clients as a stream, and checks an upload when a job names it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import Any, NamedTuple, Protocol

from pydantic import TypeAdapter, ValidationError

from secretary_api.access.principal import Principal
from secretary_api.files.upload_limits import UploadLimits
from secretary_api.http.errors import refused_fields
from secretary_api.http.multipart import FileBody
from secretary_common.errors import BodyTooLarge, ErrorCode, FileTooLarge, RateLimited
from secretary_common.models import FileInfo, FileKind, JsonObject, StoredFile
from secretary_common.models.file import (
    REFUSED_CONTENT,
    UPLOAD_FORMAT,
    UPLOAD_PARAMETER,
    ContentMark,
)
from secretary_common.ports import FileRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

RETRY_SEC = 5.0

NO_ROOM_RETRY_SEC = 3600.0
"""Uploads are removed hours after the last job that names them."""

_MARKS: TypeAdapter[list[ContentMark]] = TypeAdapter(list[ContentMark])


class SentFile(Protocol):
    """A file in the body of a request. Its name is read first, then its content to the end."""

    async def name(self) -> str:
        """Return the name of the file, after a check."""
        ...

    def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file in order."""
        ...


class NamedUpload(NamedTuple):
    """An upload that a job names."""

    file_id: str
    refused: tuple[ContentMark, ...] = ()
    """The contents that the job type never reads, from its schema (``REFUSED_CONTENT``)."""


class UploadStore:
    """Stores uploads, and checks the uploads that a job names."""

    def __init__(self, files: FileRepository, clock: Clock, limits: UploadLimits) -> None:
        self._files = files
        self._clock = clock
        self._limits = limits
        self._limit = KeyedLimit(total=limits.at_once, per_key=limits.per_key, reserved=1)

    async def store(
        self, content_type: str, body: AsyncIterator[bytes], caller: Principal
    ) -> StoredFile:
        """Store the file in *body*, a request of *caller*.

        A body that breaks a rule is not read to its end.

        Raises:
            UnsupportedMediaType: the body is not multipart/form-data.
            InvalidRequest: the body does not hold exactly one file with a valid name.
            BodyTooLarge: the file is over the limit.
            RateLimited: other uploads took too long, or the API key has no room for the file
                (``max_bytes``).
            RequestTimeout: the body comes too slowly.
            StoreUnavailable: MongoDB did not answer.
        """
        return await self.keep(FileBody(content_type, self.paced(body)), caller)

    def paced(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Return *body*, which fails with ``RequestTimeout`` if it comes too slowly."""
        return self._limits.pace.of(body)

    async def keep(self, sent: SentFile, caller: Principal) -> StoredFile:
        """Store the file *sent*, in a request of *caller*. See ``store`` for the errors."""
        owner = caller.key_id
        async with self._limit.permit(owner, patience_sec=self._limits.turn_sec) as has_turn:
            if not has_turn:
                raise RateLimited("too many uploads at once", retry_after=RETRY_SEC)
            room = await self._room(caller)
            info = FileInfo(
                kind=FileKind.UPLOAD,
                owner=owner,
                name=await sent.name(),
                created_at=self._clock.now(),
            )
            try:
                async with aclosing(sent.content()) as content:
                    most = min(room, self._limits.max_bytes)
                    stored = await self._files.save(content, info, max_bytes=most)
            except FileTooLarge as error:
                if room < self._limits.max_bytes:
                    raise _no_room(caller) from None
                raise BodyTooLarge(f"{error.message} (files.max_upload_mb)") from None
            await self._check_room(caller, stored)
        log.info("file.uploaded", file_id=stored.file_id, size=stored.size, key_id=owner)
        return stored

    async def _room(self, caller: Principal) -> int:
        """Return how many more bytes *caller* may store; a key without this limit costs no read."""
        most = caller.limits.max_bytes
        if most is None:
            return self._limits.max_bytes
        used = await self._files.upload_bytes(caller.key_id)
        if (room := most - used.get(caller.key_id, 0)) <= 0:
            raise _no_room(caller)
        return room

    async def _check_room(self, caller: Principal, stored: StoredFile) -> None:
        """Remove *stored* if uploads at the same time took its room.

        Raises:
            RateLimited: the file was removed.
        """
        most = caller.limits.max_bytes
        if most is None:
            return
        used = await self._files.upload_bytes(caller.key_id)
        if used.get(caller.key_id, 0) > most:
            await self._files.delete(stored.file_id)
            raise _no_room(caller)

    async def require(self, named: Mapping[str, NamedUpload], owner: str | None) -> None:
        """Check that the uploads in *named* exist and may be read, and keep them for a while.

        Args:
            named: uploads by the path of their field, e.g. ``parameters.file_id``.
            owner: the API key that must own them; None: any key.

        Raises:
            InvalidRequest: FILE_NOT_FOUND, naming each field whose upload does not exist, or
                UNSUPPORTED_MEDIA, naming each field whose upload has a content that is refused.
        """
        if not named:
            return
        wanted = {upload.file_id for upload in named.values()}
        there = await self._files.keep_uploads(wanted, self._clock.now(), owner=owner)
        why = "there is no such upload (POST /api/files makes one)"
        missing = [(field, why) for field, upload in named.items() if upload.file_id not in there]
        if missing:
            raise refused_fields(*missing, code=ErrorCode.FILE_NOT_FOUND)
        faults = {upload: await self._fault(upload) for upload in set(named.values())}
        refused = [(field, fault) for field, one in named.items() if (fault := faults[one])]
        if refused:
            raise refused_fields(*refused, code=ErrorCode.UNSUPPORTED_MEDIA)

    async def _fault(self, upload: NamedUpload) -> str | None:
        """Return why the content of *upload* is refused; None if the worker may read it."""
        if not upload.refused:
            return None
        head = await self._files.head(upload.file_id)
        return next((one.message for one in upload.refused if one.matches(head)), None)


def _no_room(caller: Principal) -> RateLimited:
    most = caller.limits.max_bytes
    return RateLimited(
        f"the stored uploads of this API key may have {most} bytes (max_bytes)",
        retry_after=NO_ROOM_RETRY_SEC,
        details={"limit": "max_bytes", "most": most},
    )


def named_upload(parameters: JsonObject, schema: JsonObject) -> NamedUpload | None:
    """Return the upload in *parameters*; None if *schema* declares no upload."""
    declared = schema.get("properties", {}).get(UPLOAD_PARAMETER)
    given = parameters.get(UPLOAD_PARAMETER)
    if not (isinstance(declared, dict) and declared.get("format") == UPLOAD_FORMAT):
        return None
    if not isinstance(given, str):
        return None
    return NamedUpload(given, _marks(declared.get(REFUSED_CONTENT, [])))


def _marks(declared: Any) -> tuple[ContentMark, ...]:
    # The API passes what it cannot read, because the worker checks the content too.
    with suppress(ValidationError):
        return tuple(_MARKS.validate_python(declared))
    return ()
