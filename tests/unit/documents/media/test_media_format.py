"""The format of a file, by its first bytes."""

import pytest

from secretary_documents.media.media_format import REFUSED, MediaFormat, describe, detect_format

HEADS: list[tuple[bytes, MediaFormat | None]] = [
    (b"\0\0\0\x20ftypisom", MediaFormat.MP4),
    (b"\0\0\0\x20ftypM4A ", MediaFormat.MP4),
    (b"\0\0\x0a\x0amoov", MediaFormat.MP4),  # 0A is the end of a line
    (b"\x1a\x45\xdf\xa3\x9fB\x86", MediaFormat.MATROSKA),
    (b"RIFF\x24\x0a\0\0WAVEfmt ", MediaFormat.WAV),
    (b"RF64\xff\xff\xff\xffWAVEds64", MediaFormat.WAV),
    (b"OggS\0\x02", MediaFormat.OGG),
    (b"fLaC\0\0", MediaFormat.FLAC),
    (b"ID3\x04\0\0", MediaFormat.MP3),
    (b"\xff\xfb\x90\x64", MediaFormat.MP3),
    (b"\xff\xf3\x48\xc4", MediaFormat.MP3),
    (b"\xff\xf1\x50\x80", MediaFormat.AAC),
    (b"RIFF\x24\0\0\0AVI LIST", None),
    (b"\xff\xfe<\0h\0", None),  # UTF-16
    (b"#EXTM3U\n", None),
    (b"ffconcat version 1.0\nfile /etc/passwd\n", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "kind"), HEADS)
def test_the_first_bytes_of_a_file_decide_its_format(head: bytes, kind: MediaFormat | None) -> None:
    assert detect_format(head) is kind


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\xef\xbb\xbf#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd", "a playlist"),
        (b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash">', "a playlist"),
        (b"\n<!DOCTYPE html><title>Log in</title>", "a web page"),
        (b"", "an empty file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a text"),
        (bytes(8), "a file of an unknown format"),
    ],
)
def test_a_file_that_is_no_recording_is_described(head: bytes, what: str) -> None:
    assert describe(head) == what


@pytest.mark.parametrize("head", [head for head, kind in HEADS if kind])
def test_no_recording_is_refused_by_its_first_bytes(head: bytes) -> None:
    assert not any(mark.matches(head) for mark in REFUSED)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"%PDF-1.7\n%\0\xb5", "a PDF, which cannot be read: a document job reads such files"),
        (b"PK\3\4\x14\0", "a ZIP archive or an office file, which cannot be read: a document"),
        (b"\x7fELF\2\1\1\0", "a program (ELF), which cannot be read"),
    ],
)
def test_a_known_file_of_another_kind_is_named(head: bytes, what: str) -> None:
    [message] = [mark.message for mark in REFUSED if mark.matches(head)]
    assert message.startswith(f"the file is {what}")
