"""Reads a provider's answer to a piece of audio: segments, words and speakers with their times."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import ValidationError

from secretary_common.models import JsonObject
from secretary_documents.providers.response import InvalidResponse, ResponseModel
from secretary_documents.providers.transcript import AudioPiece, Segment, Transcript, Word

_LONGEST_LABEL = 100


class _Word(ResponseModel):
    word: str
    start: float
    end: float


class _Segment(ResponseModel):
    start: float
    end: float
    text: str
    speaker: str | None = None
    words: list[_Word] | None = None


class _Body(ResponseModel):
    text: str
    language: str | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None


def read_transcript(provider: str, body: JsonObject, piece: AudioPiece) -> Transcript:
    """Return the transcript in *body*: its segments, or one segment for the whole *piece*.

    Raises:
        PermanentError: PROVIDER_INVALID_ANSWER.
    """
    try:
        parsed = _Body.model_validate(body)
    except ValidationError:
        raise InvalidResponse(provider, "it is not a transcription") from None
    whole = [_Segment(start=0, end=piece.duration_sec, text=parsed.text)]
    segments = parsed.segments or whole
    words = _words(parsed)
    _check_times(provider, (*segments, *words))
    spoken = (_segment(one, piece) for one in segments)
    said = (Word(*_times(one, piece), one.word.strip()) for one in words)
    return Transcript(
        tuple(one for one in spoken if one.text),
        parsed.language,
        tuple(one for one in said if one.text),
        has_times=bool(parsed.segments) or not parsed.text.strip(),
    )


def _words(body: _Body) -> list[_Word]:
    """Return the words of *body*. Some servers list the words of each segment with the segment."""
    if body.words is not None:
        return body.words
    return [word for segment in body.segments or [] for word in segment.words or []]


def _check_times(provider: str, found: Iterable[_Segment | _Word]) -> None:
    if not all(math.isfinite(one.start) and math.isfinite(one.end) for one in found):
        raise InvalidResponse(provider, "its times are not numbers")


def _segment(found: _Segment, piece: AudioPiece) -> Segment:
    speaker = (found.speaker or "").strip()[:_LONGEST_LABEL]
    return Segment(*_times(found, piece), " ".join(found.text.split()), speaker or None)


def _times(found: _Segment | _Word, piece: AudioPiece) -> tuple[float, float]:
    """Return the start and the end of *found* in the recording, limited to *piece*.

    A model's last segment may end after the piece.
    """
    start = min(max(found.start, 0.0), piece.duration_sec)
    end = min(max(found.end, start), piece.duration_sec)
    return round(piece.offset_sec + start, 3), round(piece.offset_sec + end, 3)
