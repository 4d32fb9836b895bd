"""Detects the format of a recording by its first bytes, not by its name or content type."""

from __future__ import annotations

import os
import re
from enum import Enum

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker import OpenFile

HEAD_BYTES = 4096


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
_TEXTS = (
    ("a playlist", re.compile(rb"#EXTM3U|.{0,300}<MPD\b", re.DOTALL)),
    ("a web page", re.compile(rb"<(!doctype|html|head|\?xml)", re.IGNORECASE)),
)


def detect_format(head: bytes) -> MediaFormat | None:
    """Return the format of a file that begins with *head*; None if it is not supported."""
    return next((one for one, mark in _MARKS if mark.match(head)), None)


def describe(head: bytes) -> str:
    """Return words for a file without a supported format, for a message."""
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for what, mark in _TEXTS if mark.match(body)), "something else")


def check_format(file: OpenFile) -> MediaFormat:
    """Return the format of *file*, by its content.

    Raises:
        PermanentError: MEDIA_INVALID.
    """
    head = os.pread(file.fd, HEAD_BYTES, 0)
    media_format = detect_format(head)
    if media_format is None:
        message = f"the file is not a recording in a supported format, but {describe(head)}"
        raise PermanentError(message, code=ErrorCode.MEDIA_INVALID)
    return media_format
