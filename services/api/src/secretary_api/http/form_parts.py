"""The parts of a multipart/form-data body (RFC 7578), parsed as a stream without a buffer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from secretary_api.http.errors import UnsupportedMediaType, refused_fields
from secretary_common.errors import InvalidRequest
from secretary_common.models import name_fault

BODY = "body"
MEDIA_TYPE = "multipart/form-data"
FRAMING_BYTES = 64 * 1024
"""The most that a body may have in addition to its files: boundaries, headers, text around them."""
STALL_SEC = 60.0
"""A client that sends nothing for this long is considered gone."""
# RFC 7578, 4.7, deprecates all other encodings.
_IDENTITY = (b"", b"binary", b"8bit", b"7bit")


@dataclass(frozen=True, slots=True)
class PartHead:
    """What the headers of a part say."""

    name: str
    filename: bytes | None
    """None: the part is a field, and no file."""

    def checked_filename(self) -> str:
        """Return the file's name, after a check.

        Raises:
            InvalidRequest: the name is not valid.
        """
        try:
            name = (self.filename or b"").decode()
        except UnicodeDecodeError:
            raise bad_filename(self.name, "a file's name is UTF-8") from None
        if fault := name_fault(name):
            raise bad_filename(self.name, fault)
        return name


def bad_filename(field: str, fault: str) -> InvalidRequest:
    """Return the error for the name of the file in *field*."""
    return refused_fields((f"{field}.filename", fault))


class FormParts:
    """The parts of a body. Callers take the head of a part, then its content, then the next head.

    All calls raise ``InvalidRequest`` as soon as the body breaks a rule.
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
        self._events: deque[PartHead | bytes] = deque()
        self._received = self._given = self._waiting = 0
        self._has_parts = self._has_ended = False

    async def head(self) -> PartHead | None:
        """Return the head of the next part, past what is left of this one; None after the last.

        Raises:
            InvalidRequest: the body ends in a part, before its last boundary.
        """
        while True:
            while self._events:
                event = self._take()
                if isinstance(event, PartHead):
                    self._has_parts = True
                    return event
            if not await self._read_on():
                break
        if self._has_parts and not self._has_ended:
            raise refused_fields((BODY, "ends before its last boundary"))
        return None

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the part whose head was taken last, in order."""
        while True:
            while self._events and isinstance(self._events[0], bytes):
                piece = self._take()
                if isinstance(piece, bytes):
                    yield piece
            if self._events or not await self._read_on():
                return

    def _take(self) -> PartHead | bytes:
        event = self._events.popleft()
        if isinstance(event, bytes):
            self._given += len(event)
            self._waiting -= len(event)
        return event

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
        if self._received - self._given - self._waiting > FRAMING_BYTES:
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
            "on_part_begin": self._headers_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _headers_begin(self) -> None:
        self._headers = {}

    def _header_ends(self) -> None:
        field, value = self._header
        self._headers[bytes(field).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise refused_fields((BODY, "has a part without a name"))
        head = PartHead(options[b"name"].decode(errors="replace"), options.get(b"filename"))
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in _IDENTITY:
            raise refused_fields((head.name, "must be sent without a transfer encoding"))
        self._events.append(head)

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])
        self._waiting += end - start

    def _end(self) -> None:
        self._has_ended = True


def _parser(content_type: str, callbacks: dict[str, object]) -> MultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != MEDIA_TYPE.encode():
        raise UnsupportedMediaType(f"the body must be {MEDIA_TYPE}")
    boundary = options.get(b"boundary")
    try:
        if boundary:
            return MultipartParser(boundary, callbacks)  # type: ignore[arg-type] # any dict will do
    except FormParserError:
        pass
    raise refused_fields((BODY, "the Content-Type names no valid boundary"))
