"""Writes a transcript as captions: WebVTT and SubRip.

https://www.w3.org/TR/webvtt1/. The length of a caption follows the usual guides for subtitles: two
lines of 42 characters, at most seven seconds.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from secretary_documents.providers.transcript import Segment, Word

LINE_CHARACTERS = 42
CAPTION_CHARACTERS = 2 * LINE_CHARACTERS
CAPTION_SEC = 7.0
PAUSE_SEC = 1.0
"""A pause of this length between two words ends a caption."""
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”»)」』]?$")  # noqa: RUF001 - of Chinese and Japanese
# A text without blanks, as in Chinese, Japanese and Thai, is divided at sentences or anywhere.
_PIECE = re.compile(r"[^。！？]{1,83}[。！？]?|[。！？]{1,84}")  # noqa: RUF001 - of Chinese and Japanese
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# SubRip has tags, but no escape for their brackets.
_SUBRIP = str.maketrans({"<": "[", ">": "]"})


@dataclass(frozen=True, slots=True)
class Caption:
    """A text to show, with its start and its end in seconds."""

    start_sec: float
    end_sec: float
    text: str
    speaker: str | None = None


def captions_of(segments: Sequence[Segment], words: Sequence[Word]) -> list[Caption]:
    """Return captions of readable length, with the text of *segments*.

    With *words*, which models often give without punctuation, each caption has the times of its
    words. Without them, a long segment is divided by its characters, so that the times inside of it
    are estimates.
    """
    return [
        caption
        for segment, said in _with_words(segments, words)
        for caption in (_of_words(segment, said) if said else _of_segment(segment))
    ]


def as_vtt(captions: Iterable[Caption]) -> str:
    """Return *captions* as WebVTT."""
    blocks = ["WEBVTT"]
    for caption in captions:
        voice = ""
        if caption.speaker:
            voice = f"<v {' '.join(caption.speaker.translate(_ESCAPES).split())}>"
        text = voice + _lines(caption.text).translate(_ESCAPES)
        times = f"{_clock(caption.start_sec, '.')} --> {_clock(caption.end_sec, '.')}"
        blocks.append(f"{times}\n{text}")
    return "\n\n".join(blocks) + "\n"


def as_srt(captions: Iterable[Caption]) -> str:
    """Return *captions* as SubRip."""
    blocks = []
    for number, caption in enumerate(captions, 1):
        said = f"{caption.speaker}: {caption.text}" if caption.speaker else caption.text
        times = f"{_clock(caption.start_sec, ',')} --> {_clock(caption.end_sec, ',')}"
        blocks.append(f"{number}\n{times}\n{_lines(said).translate(_SUBRIP)}\n")
    return "\n".join(blocks)


def _with_words(
    segments: Sequence[Segment], words: Sequence[Word]
) -> Iterator[tuple[Segment, list[Word]]]:
    """Yield each segment with the words whose middle lies before its end."""
    at = 0
    for segment in segments:
        said = []
        while at < len(words) and words[at].start_sec + words[at].end_sec < 2 * segment.end_sec:
            said.append(words[at])
            at += 1
        yield segment, said


def _of_words(segment: Segment, said: Sequence[Word]) -> Iterator[Caption]:
    taken: list[Word] = []
    for word in _spelled(segment.text, said):
        if taken and _is_full(taken, word):
            yield _caption(taken, segment.speaker)
            taken = []
        taken.append(word)
    if taken:
        yield _caption(taken, segment.speaker)


def _spelled(text: str, said: Sequence[Word]) -> list[Word]:
    """Return the words of *text* with the times of the words *said*.

    If their numbers differ, a word of *text* gets the times of the words at about the same place.
    """
    parts = _parts(text)
    places = [number * len(said) // len(parts) for number in range(len(parts) + 1)]
    return [
        Word(said[place].start_sec, said[max(following - 1, place)].end_sec, part)
        for part, place, following in zip(parts, places, places[1:], strict=False)
    ]


def _parts(text: str) -> list[str]:
    """Return the words of *text*. A text without blanks is divided at the ends of its sentences."""
    return [
        part
        for word in text.split()
        for part in (_PIECE.findall(word) if len(word) > LINE_CHARACTERS else (word,))
    ]


def _is_full(taken: Sequence[Word], word: Word) -> bool:
    """Return whether a caption of the words *taken* ends before *word*."""
    characters = sum(len(one.text) + 1 for one in taken) + len(word.text)
    return (
        characters > CAPTION_CHARACTERS
        or word.end_sec - taken[0].start_sec > CAPTION_SEC
        or word.start_sec - taken[-1].end_sec >= PAUSE_SEC
        or _SENTENCE_END.search(taken[-1].text) is not None
    )


def _caption(words: Sequence[Word], speaker: str | None) -> Caption:
    text = " ".join(word.text for word in words)
    return Caption(words[0].start_sec, words[-1].end_sec, text, speaker)


def _of_segment(segment: Segment) -> Iterator[Caption]:
    parts = _divided(segment.text)
    total = sum(map(len, parts)) or 1
    length, done = segment.end_sec - segment.start_sec, 0
    for part in parts:
        start = segment.start_sec + length * done / total
        done += len(part)
        end = segment.start_sec + length * done / total
        yield Caption(round(start, 3), round(end, 3), part, segment.speaker)


def _divided(text: str) -> list[str]:
    """Return *text* in parts of at most two lines, divided at the ends of sentences if possible."""
    if len(text) <= CAPTION_CHARACTERS:
        return [text]
    parts: list[str] = []
    taken: list[str] = []
    for word in _parts(text):
        size = sum(len(one) + 1 for one in taken) + len(word)
        if taken and (size > CAPTION_CHARACTERS or _SENTENCE_END.search(taken[-1])):
            parts.append(" ".join(taken))
            taken = []
        taken.append(word)
    return [*parts, " ".join(taken)]


def _lines(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_CHARACTERS)) or text


def _clock(seconds: float, point: str) -> str:
    total = round(max(seconds, 0.0) * 1000)
    minutes, rest = divmod(total, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
