"""Reads an object into a file, as a stream. A cut connection continues where it stopped."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import BinaryIO

import httpx

from secretary_common.errors import PermanentError, SecretaryError
from secretary_common.http.object_address import ObjectAddress
from secretary_common.runtime.temporary_file import reserve
from secretary_common.s3.answer import ConditionFailed
from secretary_common.s3.connection import StoreConnection, unavailable

_WRITE_BYTES = 2**20
_RANGE = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class ReadObject:
    """An object whose bytes are in a file."""

    size: int
    content_type: str
    etag: str


class Download:
    """The reading of one object."""

    def __init__(
        self,
        connection: StoreConnection,
        address: ObjectAddress,
        file: BinaryIO,
        *,
        max_bytes: int,
        too_large: str,
    ) -> None:
        """*too_large* is the error code for an object of more than *max_bytes*."""
        self._connection = connection
        self._address = address
        self._file = file
        self._max_bytes = max_bytes
        self._too_large = too_large
        self._offset = 0
        self._etag = ""
        self._content_type = ""
        self._expected: int | None = None

    async def run(self) -> ReadObject:
        """Read the object into the file, which is empty.

        Raises:
            PermanentError: S3_…, or the code for an object that is too large.
            TransientError: S3_UNAVAILABLE, or the object was changed while it was read.
            OSError: the file has no room.
        """
        tries, reached = 0, 0
        async with self._connection.client() as client:
            while True:
                tries += 1
                try:
                    await self._read_on(client)
                except ConditionFailed as error:
                    raise unavailable("the object was changed while it was read") from error
                except SecretaryError as error:
                    if self._offset > reached:  # the connection is slow, but bytes arrive
                        tries, reached = 1, self._offset
                    await self._connection.timing.pause(tries, error)
                else:
                    break
        await asyncio.to_thread(self._end)
        return ReadObject(self._offset, self._content_type, self._etag)

    async def _read_on(self, client: httpx.AsyncClient) -> None:
        headers = {}
        if not self._etag:
            self._offset = 0  # whether the rest belongs to the same object is not known
        if self._offset:
            headers = {"Range": f"bytes={self._offset}-", "If-Match": self._etag}
        async with self._connection.reading(client, self._address, headers) as response:
            self._begin(response)
            await self._copy(response)
        if self._expected is not None and self._offset < self._expected:
            raise unavailable("the store ended the object too early")

    def _begin(self, response: httpx.Response) -> None:
        """Take the properties of the object, and go to the place at which the answer begins."""
        announced = response.headers.get("Content-Length", "")
        length = int(announced) if announced.isdecimal() else None
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        start = int(found[1]) if found else 0
        if start not in (0, self._offset):
            raise unavailable("the store sent another part of the object")
        self._offset = start
        self._file.seek(start)
        self._expected = None if length is None else start + length
        self._etag = response.headers.get("ETag", "")
        self._content_type = response.headers.get("Content-Type", "")
        self._check_size(self._expected or 0)
        if start == 0 and self._expected:
            reserve(self._file, self._expected)

    async def _copy(self, response: httpx.Response) -> None:
        buffer = bytearray()
        try:
            async for piece in response.aiter_raw():
                buffer += piece
                self._check_size(self._offset + len(buffer))
                if len(buffer) >= _WRITE_BYTES:
                    await self._write(buffer)
        except httpx.HTTPError:
            await self._write(buffer)  # the next try continues after it
            raise
        await self._write(buffer)

    async def _write(self, buffer: bytearray) -> None:
        content = bytes(buffer)
        buffer.clear()
        await asyncio.to_thread(self._file.write, content)
        self._offset += len(content)

    def _end(self) -> None:
        self._file.truncate(self._offset)  # less may have come than was reserved
        self._file.flush()

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            message = f"the object has more than {self._max_bytes} bytes"
            raise PermanentError(message, code=self._too_large)
