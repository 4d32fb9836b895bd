"""What a file is by its first bytes, whatever its name or its server says."""

from __future__ import annotations

import re
from enum import Enum

HEAD_BYTES = 4096


class MediaFormat(Enum):
    """A container of sound; the value is ffmpeg's name for what reads it.

    The name is forced on ffmpeg. Left to itself, it would try everything it knows: playlists among
    it, which make it read other files.
    """

    MP4 = "mov"
    MATROSKA = "matroska"
    MP3 = "mp3"
    WAV = "wav"
    OGG = "ogg"
    FLAC = "flac"
    AAC = "aac"


_MARKS = (
    # ISO/IEC 14496-12 §4.3: a file begins with a box; its type stands behind its size.
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
    """The kind of the file that begins with *head*; None: none that is heard here."""
    return next((kind for kind, mark in _MARKS if mark.match(head)), None)


def describe(head: bytes) -> str:
    """What a file that is of no kind is, for people."""
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for what, mark in _TEXTS if mark.match(body)), "something else")
