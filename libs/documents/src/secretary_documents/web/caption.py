"""Parses captions (WebVTT and SubRip, as they occur in practice) and makes transcripts.

Follows https://www.w3.org/TR/webvtt1/ §6. SubRip has no standard; it looks like WebVTT with commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secretary_documents.web.entities import unescaped

PARAGRAPH_SEC = 60.0
"""A paragraph that is this long ends at the next end of a sentence."""
LONGEST_PARAGRAPH_SEC = 120.0
"""A paragraph that is this long ends even in the middle of a sentence."""
PAUSE_SEC = 5.0
"""A pause of at least this length ends a paragraph."""

MAX_SCROLLING = 10
"""The most lines of two captions that are compared. Automatic captions show fewer at a time."""

_TIMING = re.compile(
    r"\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})\s*-->\s*"
    r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
)
# No part of a tag contains "<", so each character is read for one tag only.
_VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?+\s++([^<>]{1,100})>")
_TAG = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,100}\}")
_SPACE = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"[.!?…]['\"”“)]?$")


@dataclass(frozen=True, slots=True)
class Cue:
    """A spoken text with its start and its end, in seconds."""

    start: float
    end: float
    text: str


def parse_captions(content: str) -> list[Cue]:
    """Return the cues of *content*, ordered by their start. Other text is skipped without error."""
    cues = [cue for cue in _cues(content) if cue.text]
    cues.sort(key=lambda cue: cue.start)
    return list(_without_repeats(cues))


def transcript_of(cues: Iterable[Cue]) -> str:
    """Return *cues* as paragraphs. Each begins with its start time: ``[00:01:05] …``."""
    paragraphs: list[list[Cue]] = []
    for cue in cues:
        if not paragraphs or _ends(paragraphs[-1], cue):
            paragraphs.append([])
        paragraphs[-1].append(cue)
    return "\n\n".join(
        f"[{_clock(paragraph[0].start)}] {' '.join(cue.text for cue in paragraph)}"
        for paragraph in paragraphs
    )


def _cues(content: str) -> Iterator[Cue]:
    span: tuple[float, float] | None = None
    lines: list[str] = []
    for line in content.removeprefix("\ufeff").splitlines():
        match = _TIMING.match(line)
        if match is None and line.strip():
            lines.append(line)
            continue
        if span is not None:
            # If no empty line separates two cues, the last line is the number of the next cue.
            if match is not None and lines and lines[-1].strip().isdecimal():
                lines.pop()
            yield Cue(*span, _text(lines))
        lines = []
        span = (_seconds(match, 1), _seconds(match, 5)) if match is not None else None
    if span is not None:
        yield Cue(*span, _text(lines))


def _seconds(match: re.Match[str], first: int) -> float:
    hours, minutes, seconds, fraction = (match[first + index] or "0" for index in range(4))
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def _text(lines: list[str]) -> str:
    voiced = _VOICE.sub(r"\1: ", " \n".join(lines))
    plain = unescaped(_TAG.sub("", voiced))
    # The lines stay separate, because _without_repeats compares lines.
    stripped = (_SPACE.sub(" ", line).strip() for line in plain.splitlines())
    return "\n".join(line for line in stripped if line)


def _without_repeats(cues: list[Cue]) -> Iterator[Cue]:
    """Yield the cues without the lines that the cue before has shown.

    Automatic captions scroll, so a cue repeats lines of the cue before.
    """
    shown: list[str] = []
    until = 0.0
    for cue in cues:
        lines = cue.text.split("\n")
        still = shown if cue.start - until < 1 else []
        fresh = lines[_overlap(still, lines) :]
        shown, until = lines, max(cue.end, cue.start)
        if fresh:
            yield Cue(cue.start, max(cue.end, cue.start), " ".join(fresh))


def _overlap(shown: list[str], lines: list[str]) -> int:
    """Return how many lines at the start of *lines* are equal to the last lines of *shown*."""
    longest = min(len(shown), len(lines), MAX_SCROLLING)
    return next((size for size in range(longest, 0, -1) if shown[-size:] == lines[:size]), 0)


def _ends(paragraph: list[Cue], cue: Cue) -> bool:
    last = paragraph[-1]
    if cue.start - last.end >= PAUSE_SEC:
        return True
    length = last.end - paragraph[0].start
    ended = _SENTENCE_END.search(last.text) is not None
    return length >= LONGEST_PARAGRAPH_SEC or (length >= PARAGRAPH_SEC and ended)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
