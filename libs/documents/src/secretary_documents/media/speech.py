"""Speech as it is sent to be heard: MP3, mono, 16 kHz, 32 kbit/s, cut without a program.

Every frame has 144 bytes (ISO/IEC 13818-3: 72 · 32000 bit/s / 16000 Hz, no padding) and stands by
itself (no bit reservoir, no header before the first): any run of whole frames is a file.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from secretary_documents.media.cut import Span, decide_spans
from secretary_documents.media.silence import Silence
from secretary_documents.providers.transcription import AudioPiece

FRAME_BYTES = 144
FRAME_SEC = 576 / 16000
BYTES_PER_SEC = 4000

ENCODER = (
    *("-ac", "1", "-ar", "16000", "-c:a", "libmp3lame", "-b:a", "32k", "-reservoir", "0"),
    *("-write_xing", "0", "-id3v2_version", "0", "-write_id3v1", "0", "-f", "mp3"),
)
"""What makes ffmpeg write it."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A recording's sound, in an open file."""

    fd: int
    size: int
    silences: Sequence[Silence]

    @property
    def duration_sec(self) -> float:
        """How long it lasts."""
        return self.size // FRAME_BYTES * FRAME_SEC

    def spans(self, *, piece_bytes: int, piece_sec: float) -> list[Span]:
        """The pieces to send, none with more than *piece_bytes* or, by a frame, *piece_sec*."""
        # Both ends of a piece are rounded to frames.
        by_size = (piece_bytes // FRAME_BYTES - 1) * FRAME_SEC
        longest_sec = max(min(by_size, piece_sec), FRAME_SEC)
        return decide_spans(self.duration_sec, self.silences, longest_sec=longest_sec)

    async def pieces(self, spans: Sequence[Span]) -> AsyncIterator[AudioPiece]:
        """The piece for each of *spans*, read when its turn comes."""
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
