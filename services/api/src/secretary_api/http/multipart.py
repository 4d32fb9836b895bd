"""The one file of a multipart/form-data body (RFC 7578), parsed as a stream without a buffer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from secretary_api.http.errors import UnsupportedMediaType, refused_fields
from secretary_common.errors import InvalidRequest
from secretary_common.models import name_fault

BODY = "body"
FILE = "file"
"""The name of the only part."""
MEDIA_TYPE = "multipart/form-data"
FRAMING_BYTES = 64 * 1024
"""The most that a body may have in addition to its file: boundaries, headers, text around them."""
STALL_SEC = 60.0
"""A client that sends nothing for this long is considered gone."""
# RFC 7578, 4.7, deprecates all other encodings.
_IDENTITY = (b"", b"binary", b"8bit", b"7bit")


class FileBody:
    """A body that holds one file. Callers first read its name, then its content to the end.

    Both calls raise ``InvalidRequest`` as soon as the body breaks a rule.
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """*content_type*: the request's header.

        Raises:
            UnsupportedMediaType: the type is not multipart/form-data.
            InvalidRequest: the header names no boundary.
        """
        self._body = body
        self._parser = _parser(content_type, self._callbacks())
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._parts = 0
        self._name: str | None = None
        self._pieces: list[bytes] = []
        self._received = self._given = 0
        self._has_ended = False

    async def name(self) -> str:
        """Return the file's name as the client sent it, after a check."""
        while self._name is None:
            if not await self._read_on():
                raise refused_fields((FILE, "is required"))
        return self._name

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file in order; an invalid body raises at last."""
        await self.name()
        more = True
        while more or self._pieces:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                self._given += len(piece)
                yield piece
            more = await self._read_on()
        if not self._has_ended:
            raise refused_fields((BODY, "ends before its last boundary"))
        if self._given == 0:
            raise refused_fields((FILE, "is empty"))

    async def _read_on(self) -> bool:
        """Parse the next chunk; return False at the end of the body."""
        chunk = await self._next()
        if chunk is None:
            return False
        self._received += len(chunk)
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise refused_fields((BODY, f"is not valid {MEDIA_TYPE}")) from None
        framing = self._received - self._given - sum(map(len, self._pieces))
        if framing > FRAMING_BYTES:
            message = f"has more than {FRAMING_BYTES} bytes in addition to the file"
            raise refused_fields((BODY, message))
        return True

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(STALL_SEC):
                return await anext(self._body, None)
        except TimeoutError:
            raise refused_fields((BODY, f"stopped for {STALL_SEC:.0f} s")) from None

    def _callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": lambda data, start, end: self._pieces.append(data[start:end]),
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        self._parts += 1
        self._headers = {}

    def _on_header_end(self) -> None:
        field, value = self._header
        self._headers[bytes(field).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        name, filename = _disposition(self._headers)
        if name != FILE:
            raise refused_fields((name or BODY, f"there is no such field, only {FILE}"))
        if self._parts > 1:
            raise refused_fields((FILE, "is given more than once"))
        if filename is None:
            raise refused_fields((FILE, "must be a file, with a filename"))
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in _IDENTITY:
            raise refused_fields((FILE, "must be sent without a transfer encoding"))
        self._name = _checked_name(filename)

    def _on_end(self) -> None:
        self._has_ended = True


def _parser(content_type: str, callbacks: dict[str, object]) -> MultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != MEDIA_TYPE.encode():
        raise UnsupportedMediaType(f"the body must be {MEDIA_TYPE}")
    boundary = options.get(b"boundary")
    try:
        if boundary:
            return MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
    except FormParserError:
        pass
    raise refused_fields((BODY, "the Content-Type names no valid boundary"))


def _disposition(headers: dict[bytes, bytes]) -> tuple[str, bytes | None]:
    """Return the name of a part, and the file's name if the part has one."""
    kind, options = parse_options_header(headers.get(b"content-disposition", b""))
    if kind != b"form-data" or b"name" not in options:
        raise refused_fields((BODY, "has a part without a name"))
    return options[b"name"].decode(errors="replace"), options.get(b"filename")


def _checked_name(filename: bytes) -> str:
    try:
        name = filename.decode()
    except UnicodeDecodeError:
        raise _bad_name("a file's name is UTF-8") from None
    if fault := name_fault(name):
        raise _bad_name(fault)
    return name


def _bad_name(fault: str) -> InvalidRequest:
    return refused_fields((f"{FILE}.filename", fault))
