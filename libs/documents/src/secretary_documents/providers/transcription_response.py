"""Reads a provider's answer to a piece of audio: segments, words and speakers with their times."""

from __future__ import annotations

import math

from pydantic import ValidationError

from secretary_common.models import JsonObject
from secretary_documents.providers.response import InvalidResponse, ResponseModel
from secretary_documents.providers.transcript import AudioPiece, Segment, Transcript, Word

_LONGEST_LABEL = 100


class _Word(ResponseModel):
    word: str
    start: float | None = None
    end: float | None = None


class _Segment(ResponseModel):
    start: float
    end: float
    text: str
    speaker: str | int | None = None
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
    times = [time for one in segments for time in (one.start, one.end)]
    times += [time for one in words for time in (one.start_sec, one.end_sec)]
    if not all(map(math.isfinite, times)):
        raise InvalidResponse(provider, "its times are not numbers")
    spoken = (_segment(one, piece) for one in segments)
    said = (Word(*_times(one.start_sec, one.end_sec, piece), one.text.strip()) for one in words)
    return Transcript(
        tuple(one for one in spoken if one.text),
        parsed.language,
        tuple(one for one in said if one.text),
        has_times=bool(parsed.segments) or not parsed.text.strip(),
    )


def _words(body: _Body) -> list[Word]:
    """Return the words of *body* that have times.

    Some servers list the words of each segment with the segment, and give no times to words that
    they did not find in the audio.
    """
    found = body.words
    if found is None:
        found = [word for segment in body.segments or [] for word in segment.words or []]
    return [
        Word(one.start, one.end, one.word)
        for one in found
        if one.start is not None and one.end is not None
    ]


def _segment(found: _Segment, piece: AudioPiece) -> Segment:
    speaker = "" if found.speaker is None else str(found.speaker).strip()[:_LONGEST_LABEL]
    times = _times(found.start, found.end, piece)
    return Segment(*times, " ".join(found.text.split()), speaker or None)


def _times(start: float, end: float, piece: AudioPiece) -> tuple[float, float]:
    """Return the times of a text in the recording, limited to *piece*.

    A model's last segment may end after the piece.
    """
    start = min(max(start, 0.0), piece.duration_sec)
    end = min(max(end, start), piece.duration_sec)
    return round(piece.offset_sec + start, 3), round(piece.offset_sec + end, 3)
