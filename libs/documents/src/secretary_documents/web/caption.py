"""Parses captions (WebVTT and SubRip, as they occur in practice) and writes transcripts.

Follows https://www.w3.org/TR/webvtt1/ §6. SubRip has no standard: it is WebVTT with commas.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PARAGRAPH_SEC = 60.0
"""A paragraph of a transcript that is this long ends with the next sentence."""
LONGEST_PARAGRAPH_SEC = 120.0
"""A paragraph of this length ends even in the middle of a sentence."""
PAUSE_SEC = 5.0
"""A silence that ends a paragraph."""

MAX_SCROLLING = 10
"""The most lines that are shown at a time."""

_TIMING = re.compile(
    r"\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})\s*-->\s*"
    r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
)
# No part of a tag contains "<", so each character is read for one tag only.
_VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?+\s++([^<>]{1,100})>")
_TAG = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,100}\}")
# The number of no character: ``html.unescape`` fails on thousands of digits.
_LONG_NUMBER = re.compile(r"&#[0-9]{1000,}+;?")
_SPACE = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"[.!?…]['\"”“)]?$")


@dataclass(frozen=True, slots=True)
class Cue:
    """Spoken text with its start and end, in seconds."""

    start: float
    end: float
    text: str


def parse_captions(content: str) -> list[Cue]:
    """Return the cues of *content* by their start. Other text is skipped; no input is an error."""
    cues = [cue for cue in _cues(content) if cue.text]
    cues.sort(key=lambda cue: cue.start)
    return list(_without_repeats(cues))


def transcript_of(cues: Iterable[Cue]) -> str:
    """Return *cues* as paragraphs, each with the time of its start: ``[00:01:05] …``."""
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
            # The number of the next cue, if no empty line separates the cues.
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
    plain = html.unescape(_LONG_NUMBER.sub("\ufffd", _TAG.sub("", voiced)))
    # Lines are kept apart: scrolling captions are detected by comparing lines.
    stripped = (_SPACE.sub(" ", line).strip() for line in plain.splitlines())
    return "\n".join(line for line in stripped if line)


def _without_repeats(cues: list[Cue]) -> Iterator[Cue]:
    """Yield the cues without lines that are still shown: automatic captions scroll."""
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
    """Return how many of the first *lines* equal the last of the *shown* lines."""
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
