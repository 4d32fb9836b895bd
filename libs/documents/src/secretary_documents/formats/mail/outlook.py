"""Reads Outlook mails (MSG), which are OLE files with a stream for each property."""

from __future__ import annotations

import datetime as dt
import struct
from functools import partial
from importlib.util import find_spec
from typing import Any

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.limits import damaged
from secretary_documents.formats.mail.compressed_rtf import unpacked_rtf
from secretary_documents.formats.mail.letter import (
    Letter,
    LetterText,
    add_letter,
    check_not_enveloped,
    member_name,
)
from secretary_documents.formats.markup.rich_text.characters import encoding_of
from secretary_documents.formats.markup.rich_text.reader import read_rtf
from secretary_documents.web.charset import decode

# Imported here and not later, because a child in its sandbox may import nothing.
if find_spec("olefile") is not None:
    import olefile


# Properties by their tags (MS-OXPROPS), and the types of their values.
_CLASS = "001A"
_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _ADDRESS, _TO, _CC = "0C1A", "0C1F", "0E04", "0E03"
_SENT, _DELIVERED, _CODE_PAGE = 0x0039, 0x0E06, 0x3FFD
_DATA, _LONG_NAME, _SHORT_NAME, _SHOWN_NAME = "3701", "3707", "3704", "3001"
_WIDE, _NARROW, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_INTEGER, _TIME = 0x0003, 0x0040
_ATTACHMENT = "__attach_version1.0_#"
_INNER = f"__substg1.0_{_DATA}{_OBJECT}"
_PROPERTIES = "__properties_version1.0"
_HEADER_BYTES, _INNER_HEADER_BYTES, _ENTRY_BYTES = 32, 24, 16
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
_TEN_MICROSECONDS = 10
_DEEPEST = 8
_SECURE_CLASS = "IPM.Note.SMIME"


def read_outlook(path: str, builder: Builder) -> None:
    """Read the Outlook mail at *path*: its headers and text, and its attachments as members.

    A mail inside the mail becomes a page of the same document.
    """
    try:
        with olefile.OleFileIO(path) as file:
            _Mail(file, []).add_to(builder)
    except (OSError, struct.error) as error:  # the library's own errors are OSErrors
        raise damaged("the Outlook mail is damaged") from error


class _Mail:
    """One mail in the file, at a place in its tree of storages."""

    def __init__(self, file: Any, place: list[str], encoding: str = "cp1252") -> None:
        """*encoding*: that of the mail around it, for texts that are not in Unicode."""
        self._file = file
        self._place = place
        code_page = self._values(_INTEGER).get(_CODE_PAGE)
        self._encoding = encoding_of(code_page & 0xFFFFFFFF) if code_page else encoding

    def add_to(self, builder: Builder) -> None:
        """Add the mail, its attachments, and the mails inside."""
        sender, address = self._text(_SENDER), self._text(_ADDRESS)
        if "@" in address and address != sender:
            sender = f"{sender} <{address}>".strip()
        headers = {
            "From": sender,
            "To": self._text(_TO),
            "Cc": self._text(_CC),
            "Date": self._time(),
            "Subject": self._text(_SUBJECT),
        }
        html, plain = self._html(), self._text(_BODY)
        add_letter(Letter(headers, [LetterText(plain, html)]), builder)
        if not html and not plain and (packed := self._bytes(_RTF, _BINARY)):
            read_rtf(unpacked_rtf(packed), builder)
        for number, storage in enumerate(self._attachments(), start=1):
            self._attachment(storage, number, builder)

    def _attachments(self) -> list[str]:
        depth = len(self._place)
        found = {
            entry[depth]
            for entry in self._file.listdir()
            if entry[:depth] == self._place and len(entry) > depth + 1
        }
        return sorted(name for name in found if name.startswith(_ATTACHMENT))

    def _attachment(self, storage: str, number: int, builder: Builder) -> None:
        part = _Mail(self._file, [*self._place, storage], self._encoding)
        names = (part._text(tag) for tag in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))
        name = next(filter(None, names), f"attachment_{number}")
        inner = [*self._place, storage, _INNER]
        if self._file.exists([*inner, _PROPERTIES]):
            if len(self._place) < _DEEPEST:
                title, author = builder.title, builder.author
                _Mail(self._file, inner, self._encoding).add_to(builder)
                builder.title, builder.author = title, author
            return
        content = part._bytes(_DATA, _BINARY)
        if content:
            if self._text(_CLASS).startswith(_SECURE_CLASS):  # the attachment is the mail itself
                check_not_enveloped(content)
            builder.member(member_name(name), len(content), partial(bytes, content))

    def _html(self) -> str:
        if content := self._bytes(_HTML, _BINARY):
            return decode(content, "")
        return self._text(_HTML)

    def _text(self, tag: str) -> str:
        if content := self._bytes(tag, _WIDE):
            return content.decode("utf-16-le", errors="replace").rstrip("\0")
        return self._bytes(tag, _NARROW).decode(self._encoding, errors="replace").rstrip("\0")

    def _bytes(self, tag: str, kind: str) -> bytes:
        return self._stream(f"__substg1.0_{tag}{kind}")

    def _stream(self, name: str) -> bytes:
        """Return the content of a stream of the mail; nothing if there is none.

        Raises:
            PermanentError: DOCUMENT_INVALID, the file has not all of its bytes.
        """
        place = [*self._place, name]
        if not self._file.exists(place):
            return b""
        with self._file.openstream(place) as stream:
            content = bytes(stream.read())
        if len(content) < self._file.get_size(place):  # the library takes what is left
            raise damaged("the Outlook mail is damaged or cut off")
        return content

    def _values(self, kind: int) -> dict[int, int]:
        """Return the 8 bytes of each value of the type *kind*, as a number, by their tags."""
        content = self._stream(_PROPERTIES)
        start = _INNER_HEADER_BYTES if self._place else _HEADER_BYTES
        places = range(start, len(content) - _ENTRY_BYTES + 1, _ENTRY_BYTES)
        entries = (struct.unpack_from("<HHIQ", content, at) for at in places)
        return {tag: value for found, tag, _, value in entries if found == kind}

    def _time(self) -> str:
        """Return when the mail was sent, in UTC."""
        times = self._values(_TIME)
        ticks = times.get(_SENT) or times.get(_DELIVERED)
        try:
            microseconds = (ticks or 0) // _TEN_MICROSECONDS
            sent = _EPOCH + dt.timedelta(microseconds=microseconds)
        except OverflowError:
            return ""
        return sent.isoformat(timespec="seconds") if ticks else ""
