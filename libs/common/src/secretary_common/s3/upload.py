"""Writes objects as streams, so that a writer that was overtaken damages nothing.

Each object carries the number of its writer. A writer replaces only objects with a smaller number,
and each write names the state of the object that the writer has seen (``If-None-Match``,
``If-Match``). So of two writers the one with the larger number wins, in whatever order their
requests arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import httpx

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError
from secretary_common.http.object_address import ObjectAddress
from secretary_common.s3.answer import ConditionFailed, upload_id
from secretary_common.s3.connection import Answer, StoreConnection, unavailable

PART_BYTES = 8 * 2**20
"""The size of a part, and so the memory of one upload. S3 takes parts of at least 5 MiB."""
MOST_PARTS = 10_000
_MOST_RACES = 5
_ABORT_SEC = 5.0
_WRITER = "x-amz-meta-secretary-writer"
_SHA256 = "x-amz-meta-secretary-sha256"

Content = Callable[[], AsyncIterator[bytes]]
"""Returns the bytes from their start. It may be called again."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to write."""

    address: ObjectAddress
    content: Content
    content_type: str
    size: int | None = None
    """The size in bytes, if it is known."""
    sha256: str = ""
    """The SHA-256 of the content in hexadecimal, if it is known."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The state of an object in the store."""

    etag: str
    writer: int
    sha256: str


class Upload:
    """The writing of one object."""

    def __init__(
        self, connection: StoreConnection, client: httpx.AsyncClient, new: NewObject, *, writer: int
    ) -> None:
        """*writer*: the number of the writer; a later writer has a larger one."""
        self._connection = connection
        self._client = client
        self._new = new
        self._writer = writer
        least = (new.size or 0) // (MOST_PARTS - 1) + 1
        self._part_bytes = max(PART_BYTES, least)

    async def run(self) -> None:
        """Write the object, unless it is there already.

        Raises:
            PermanentError: S3_OVERTAKEN, a later writer has written the object; S3_…
            TransientError: S3_UNAVAILABLE.
        """
        for _ in range(_MOST_RACES):
            known = await self._known()
            if known and known.writer > self._writer:
                message = "a later attempt has written the object"
                raise PermanentError(message, code=ErrorCode.S3_OVERTAKEN)
            if known and known.writer == self._writer and known.sha256 == self._new.sha256 != "":
                return
            condition = {"If-Match": known.etag} if known else {"If-None-Match": "*"}
            try:
                await self._write(condition)
            except ConditionFailed:
                continue  # another writer was faster, or an answer to this write was lost
            return
        raise unavailable("other writers change the object all the time")

    async def _known(self) -> _Known | None:
        try:
            answer = await self._send("HEAD")
        except PermanentError as error:
            if error.code == ErrorCode.S3_OBJECT_NOT_FOUND:
                return None
            raise
        number = answer.headers.get(_WRITER, "")
        return _Known(
            answer.headers.get("ETag", ""),
            int(number) if number.isdecimal() else -1,
            answer.headers.get(_SHA256, ""),
        )

    async def _write(self, condition: Mapping[str, str]) -> None:
        parts = _parts(self._new.content(), self._part_bytes)
        first = [part async for part in _at_most(2, parts)]
        headers = {
            "Content-Type": self._new.content_type,
            _WRITER: str(self._writer),
            **({_SHA256: self._new.sha256} if self._new.sha256 else {}),
        }
        if len(first) < 2:  # noqa: PLR2004 - one part needs no upload in parts
            await self._write_whole({**headers, **condition}, b"".join(first))
            return
        answer = await self._send("POST", query={"uploads": ""}, headers=headers)
        begun = upload_id(answer.body)
        if begun is None:
            raise unavailable("the store began no upload")
        try:
            tags = await self._write_parts(begun, first, parts)
            await self._complete(begun, tags, condition)
        except BaseException:
            await self._abort(begun)
            raise

    async def _write_whole(self, headers: Mapping[str, str], content: bytes) -> None:
        try:
            await self._send("PUT", headers=headers, body=content)
        except PermanentError as error:
            missing = (error.details or {}).get("store_code") == "NoSuchKey"
            if "If-Match" not in headers or not missing:
                raise
            # The object has been removed since its state was read.
            raise ConditionFailed(error.message) from error

    async def _write_parts(
        self, begun: str, first: list[bytes], rest: AsyncIterator[bytes]
    ) -> list[str]:
        """Write the parts in order; return their tags. *first* is emptied, to free its memory."""
        tags: list[str] = []
        while first:
            tags.append(await self._write_part(begun, len(tags) + 1, first.pop(0)))
        async for part in rest:
            tags.append(await self._write_part(begun, len(tags) + 1, part))
        return tags

    async def _complete(
        self, begun: str, tags: Sequence[str], condition: Mapping[str, str]
    ) -> None:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        try:
            await self._send("POST", query={"uploadId": begun}, headers=condition, body=body)
        except PermanentError as error:
            if error.code != ErrorCode.S3_OBJECT_NOT_FOUND:
                raise
            # The object has been removed since its state was read, or the upload is gone: perhaps
            # it was completed, and the answer was lost.
            raise ConditionFailed(error.message) from error

    async def _write_part(self, begun: str, number: int, part: bytes) -> str:
        if number > MOST_PARTS:
            message = f"the object has more than {MOST_PARTS} parts"
            raise PermanentError(message, code=ErrorCode.S3_REFUSED)
        query = {"partNumber": str(number), "uploadId": begun}
        answer = await self._send("PUT", query=query, body=part)
        return str(answer.headers.get("ETag", ""))

    async def _abort(self, begun: str) -> None:
        """Remove the parts that were written. The store's own rules remove what stays."""
        with contextlib.suppress(SecretaryError, TimeoutError):
            async with asyncio.timeout(_ABORT_SEC):
                await self._send("DELETE", query={"uploadId": begun})

    async def _send(
        self,
        method: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        return await self._connection.send(
            self._client, method, self._new.address, query=query, headers=headers, body=body
        )


async def _at_most(count: int, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the first *count* of *parts*; the others stay in *parts*."""
    for _ in range(count):
        part = await anext(parts, None)
        if part is None:
            return
        yield part


async def _parts(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Yield *pieces* joined into parts of exactly *size* bytes; the last one may be smaller."""
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        while len(buffer) >= size:
            part = bytes(memoryview(buffer)[:size])
            del buffer[:size]
            yield part
    if buffer:
        yield bytes(buffer)
