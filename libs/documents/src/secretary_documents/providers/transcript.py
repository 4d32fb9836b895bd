"""Pieces of audio, and transcripts with the times of segments and words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """A piece of a recording."""

    name: str
    """A file name whose suffix names the format: mp3, m4a, ogg, wav, webm, flac."""
    content: bytes
    content_type: str
    offset_sec: float
    """The place in the recording where the piece begins."""
    duration_sec: float


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """What a transcript should contain besides its text."""

    prompt: str = ""
    """Names and terms of the recording, which the model then spells correctly."""
    words: bool = False
    """Whether each word should have its times."""
    speakers: bool = False
    """Whether segments should name their speaker."""


PLAIN = SpeechOptions()


@dataclass(frozen=True, slots=True)
class Segment:
    """A spoken text with its start and its end."""

    start_sec: float
    end_sec: float
    text: str
    speaker: str | None = None
    """The label that the model gives the speaker; None if it gives none."""


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word with its start and its end."""

    start_sec: float
    end_sec: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of a piece, or of several pieces."""

    segments: tuple[Segment, ...]
    """The segments in order. If the model reports no times, each piece is one segment."""
    language: str | None
    """The language, as the model names it."""
    words: tuple[Word, ...] = ()
    """The words in order; empty if the model reports none."""
    has_times: bool = True
    """Whether the model has reported the times of segments."""

    @property
    def text(self) -> str:
        """The whole text in one line."""
        return " ".join(segment.text for segment in self.segments)


def merge_transcripts(transcripts: Iterable[Transcript]) -> Transcript:
    """Return one transcript of all pieces, in order of time.

    Its language is the language with the most text. If the model's times overlap, a segment begins
    at the end of the previous segment.
    """
    parts = list(transcripts)
    merged: list[Segment] = []
    for segment in sorted(
        (one for part in parts for one in part.segments), key=lambda one: one.start_sec
    ):
        last_end = merged[-1].end_sec if merged else 0.0
        start = max(segment.start_sec, last_end)
        merged.append(replace(segment, start_sec=start, end_sec=max(segment.end_sec, start)))
    words = sorted((one for part in parts for one in part.words), key=lambda one: one.start_sec)
    return Transcript(
        tuple(merged),
        _main_language(parts),
        tuple(words),
        has_times=all(part.has_times for part in parts),
    )


def _main_language(parts: Sequence[Transcript]) -> str | None:
    spoken: dict[str, int] = {}
    for part in parts:
        if part.language:
            spoken[part.language] = spoken.get(part.language, 0) + len(part.text)
    return max(spoken, key=lambda language: spoken[language], default=None)
