"""Detects the format of a recording by its first bytes, not by its name or content type."""

from __future__ import annotations

import os
import re
from enum import Enum

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models.file import ContentMark, looks_like_text
from secretary_documents.formats.signatures import REFUSED as NO_DOCUMENT
from secretary_worker import OpenFile

HEAD_BYTES = 4096
_UNKNOWN_RIFF_BYTES = 0x7FFF0000
"""Programs that write to a pipe claim this much or more."""


class MediaFormat(Enum):
    """A file format with audio. The value is ffmpeg's name for the format.

    The worker passes this name to ffmpeg. Without a name ffmpeg would try all its formats, and some
    of them are playlists, which make ffmpeg read other files.
    """

    MP4 = "mov"
    MATROSKA = "matroska"
    MP3 = "mp3"
    WAV = "wav"
    OGG = "ogg"
    FLAC = "flac"
    AAC = "aac"


_MARKS = (
    # ISO/IEC 14496-12 §4.3: a file begins with a box: first its size, then its type.
    (MediaFormat.MP4, re.compile(rb".{4}(ftyp|moov|mdat|wide|free|skip)", re.DOTALL)),
    (MediaFormat.MATROSKA, re.compile(rb"\x1a\x45\xdf\xa3")),  # RFC 8794 §11.2.1
    (MediaFormat.WAV, re.compile(rb"(RIFF|RF64).{4}WAVE", re.DOTALL)),
    (MediaFormat.OGG, re.compile(rb"OggS")),
    (MediaFormat.FLAC, re.compile(rb"fLaC")),
    (MediaFormat.MP3, re.compile(rb"ID3[\x02-\x04]")),
    # ADTS: 12 bits of sync, then layer 00; MPEG audio: 11 bits, a version, layer III.
    (MediaFormat.AAC, re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")),
    (MediaFormat.MP3, re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")),
)
_RECORDING = "a media job reads"
_DOCUMENTS = (
    (b"%PDF-", "a PDF"),
    (b"PK\3\4", "a ZIP archive or an office file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office file of before 2007 or a mail"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
)
REFUSED = (
    *(
        ContentMark(title=f"{title}; a document job reads such files", mark=mark.hex())
        for mark, title in _DOCUMENTS
    ),
    *(mark for mark in NO_DOCUMENT if _RECORDING not in mark.title),
)
"""The marks of files that are no recordings. The API refuses uploads with them."""
_TEXTS = (
    ("a playlist", re.compile(rb"#EXTM3U|.{0,300}<MPD\b", re.DOTALL)),
    ("a web page", re.compile(rb"<(!doctype|html|head|\?xml)", re.IGNORECASE)),
)


def detect_format(head: bytes) -> MediaFormat | None:
    """Return the format of a file that begins with *head*; None if it is not supported."""
    return next((one for one, mark in _MARKS if mark.match(head)), None)


def describe(head: bytes) -> str:
    """Return words for a file without a supported format, for a message."""
    if not head:
        return "an empty file"
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    other = "a text" if looks_like_text(head) else "a file of an unknown format"
    return next((what for what, mark in _TEXTS if mark.match(body)), other)


def check_format(file: OpenFile) -> MediaFormat:
    """Return the format of *file*, by its content.

    Raises:
        PermanentError: UNSUPPORTED_MEDIA, it is a known file of another kind; MEDIA_INVALID.
    """
    head = os.pread(file.fd, HEAD_BYTES, 0)
    if mark := next((one for one in REFUSED if one.matches(head)), None):
        raise PermanentError(mark.message, code=ErrorCode.UNSUPPORTED_MEDIA)
    media_format = detect_format(head)
    if media_format is None:
        message = f"the file is not a recording in a supported format, but {describe(head)}"
        raise PermanentError(message, code=ErrorCode.MEDIA_INVALID)
    return media_format


def riff_bytes(file: OpenFile) -> int:
    """Return the size that a RIFF file claims to have; 0 if its writer did not know the size."""
    size = int.from_bytes(os.pread(file.fd, 4, 4), "little")
    return size + 8 if size < _UNKNOWN_RIFF_BYTES else 0
