"""Audio in the format that is sent for transcription, and its division into pieces.

The format is MP3, mono, 16 kHz, 32 kbit/s. Every frame has 144 bytes (ISO/IEC 13818-3:
72 · 32000 bit/s / 16000 Hz, no padding) and can be decoded alone (no bit reservoir, no header
before the first frame). So any run of whole frames is a valid file, and the worker can cut the
audio without a program.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from secretary_documents.media.silence import Silence
from secretary_documents.providers.transcript import AudioPiece

FRAME_BYTES = 144
FRAME_SEC = 576 / 16000
BYTES_PER_SEC = 4000

ENCODER = (
    *("-ac", "1", "-ar", "16000", "-c:a", "libmp3lame", "-b:a", "32k", "-reservoir", "0"),
    *("-write_xing", "0", "-id3v2_version", "0", "-write_id3v1", "0", "-f", "mp3"),
)
"""The arguments that make ffmpeg write this format."""

# The longest distance between a cut and its even place, as a share of the longest piece.
_SLACK = 0.25


@dataclass(frozen=True, slots=True)
class Span:
    """The start and end of a piece, in seconds from the beginning of the recording."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class ConvertedAudio:
    """The audio of a recording, in an open file."""

    fd: int
    size: int
    silences: Sequence[Silence]

    @property
    def duration_sec(self) -> float:
        """The length of the audio, in seconds."""
        return self.size // FRAME_BYTES * FRAME_SEC

    def spans(self, *, piece_bytes: int, piece_sec: float) -> list[Span]:
        """Return the spans of the pieces to send.

        A piece has at most *piece_bytes*, and it is at most one frame longer than *piece_sec*.
        """
        # The start and the end of a piece are rounded to frames.
        by_size = (piece_bytes // FRAME_BYTES - 1) * FRAME_SEC
        longest_sec = max(min(by_size, piece_sec), FRAME_SEC)
        return decide_spans(self.duration_sec, self.silences, longest_sec=longest_sec)

    async def pieces(self, spans: Sequence[Span]) -> AsyncIterator[AudioPiece]:
        """Yield the piece of each span. A piece is read from the file only when it is yielded."""
        for number, span in enumerate(spans, 1):
            first, last = round(span.start / FRAME_SEC), round(span.end / FRAME_SEC)
            size = (last - first) * FRAME_BYTES
            content = await asyncio.to_thread(os.pread, self.fd, size, first * FRAME_BYTES)
            yield AudioPiece(
                name=f"piece-{number}.mp3",
                content=content,
                content_type="audio/mpeg",
                offset_sec=round(first * FRAME_SEC, 3),
                duration_sec=round((last - first) * FRAME_SEC, 3),
            )


def decide_spans(
    duration_sec: float, silences: Sequence[Silence], *, longest_sec: float
) -> list[Span]:
    """Divide a recording into pieces of similar length, each at most *longest_sec* long.

    The even place of a cut is the place that makes all remaining pieces equally long. The cut lies
    in the middle of the longest silence near the even place, or at the even place if there is no
    silence near it.
    """
    spans: list[Span] = []
    start = 0.0
    while duration_sec - start > longest_sec:
        cut = _next_cut(start, duration_sec, silences, longest_sec)
        spans.append(Span(start, cut))
        start = cut
    if duration_sec > start:
        spans.append(Span(start, duration_sec))
    return spans


def _next_cut(
    start: float, duration_sec: float, silences: Sequence[Silence], longest_sec: float
) -> float:
    left = duration_sec - start
    even = start + left / math.ceil(left / longest_sec)
    slack = _SLACK * longest_sec
    first, last = even - slack, min(even + slack, start + longest_sec)
    within = [
        Silence(max(silence.start, first), min(silence.end, last))
        for silence in silences
        if silence.start < last and silence.end > first
    ]
    if not within:
        return even
    best = max(within, key=lambda one: (one.end - one.start, -abs(_middle(one) - even)))
    return _middle(best)


def _middle(silence: Silence) -> float:
    return (silence.start + silence.end) / 2
