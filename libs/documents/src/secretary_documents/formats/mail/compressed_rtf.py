"""Unpacks the rich text of Outlook mails (MS-OXRTFCP)."""

from __future__ import annotations

import struct

from secretary_documents.formats.limits import damaged

_HEADER = struct.Struct("<IIII")
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_RUNS_IN_BYTE = 8
# Each window begins with frequent words of rich text.
_WORDS = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked_rtf(content: bytes) -> bytes:
    """Return the rich text that is packed in *content*.

    Raises:
        PermanentError: DOCUMENT_INVALID.
    """
    if len(content) < _HEADER.size:
        raise damaged("the text of the mail is damaged")
    _, size, kind, _ = _HEADER.unpack_from(content)
    body = content[_HEADER.size :]
    if kind == _PLAIN:
        return body[:size]
    if kind != _PACKED:
        raise damaged("the text of the mail is packed in an unknown way")
    return _unpacked(body)[:size]


def _unpacked(body: bytes) -> bytes:
    window = bytearray(_WORDS.ljust(_WINDOW, b"\0"))
    place = len(_WORDS)
    written = bytearray()
    at = 0
    while at < len(body):
        flags = body[at]
        at += 1
        for bit in range(_RUNS_IN_BYTE):
            step = 2 if flags >> bit & 1 else 1
            if at + step > len(body):
                return bytes(written)
            if step == 1:
                piece = body[at : at + 1]
            else:
                reference = int.from_bytes(body[at : at + 2], "big")
                offset, length = reference >> 4, (reference & 15) + 2
                if offset == place:
                    return bytes(written)
                piece = _copied(window, offset, length, place)
            at += step
            for byte in piece:
                window[place] = byte
                place = (place + 1) % _WINDOW
            written += piece
    return bytes(written)


def _copied(window: bytearray, offset: int, length: int, place: int) -> bytes:
    """Return *length* bytes of *window* from *offset*; the copy may reach into itself."""
    copy = bytearray()
    for step in range(length):
        source = (offset + step) % _WINDOW
        ahead = (source - place) % _WINDOW
        copy.append(copy[ahead] if ahead < len(copy) else window[source])
    return bytes(copy)
