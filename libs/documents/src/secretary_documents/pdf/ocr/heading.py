"""Finds the headings of a recognised page by the height of their words. No I/O."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from secretary_documents.pdf.layout.kinds.heading import CAPTION, is_usual_title
from secretary_documents.pdf.layout.model import Block, Kind, Table
from secretary_documents.pdf.ocr.recognition import RecognisedLine

# The height of recognised words differs more than a font size.
_FACTOR, _SAME_LEVEL = 1.2, 1.15
# A number of a chapter, or capitals only, show a heading of a lower height too.
_NUMBERED_FACTOR = 0.9
_NUMBERED = re.compile(
    r"(?:chapter|section|part|appendix|annex|kapitel|abschnitt|teil|anhang)\s+[\dA-ZIVX]+\b"
    r"|\d{1,2}\.(?:\d{1,2}\.?){0,3}\s+[^\W\d_]",
    re.IGNORECASE,
)
_MOST_LINES, _LONGEST, _LEAST_LETTERS = 3, 130, 4
# A page with fewer letters does not show the size of its body text.
_LEAST_BODY_LETTERS = 300
_LEAST_PARAGRAPH = 60
_LEAST_CONFIDENCE, _LETTER_SHARE = 0.75, 0.6
_LEVELS = 4
_PARTS = re.compile(r"\d{1,2}(?:\.\d{0,2}){1,4}(?=\s)")
_LETTER = re.compile(r"[^\W\d_]")
_STOPS = (".", ",", ";", ":")

Part = Sequence[RecognisedLine] | Table
"""The lines of a paragraph, or a table."""


def mark_headings(blocks: Sequence[Block], parts: Sequence[Part]) -> None:
    """Set the kind and level of those of *blocks* that are headings, in place.

    *parts*: what each block is made of.
    """
    paragraphs = [[] if isinstance(part, Table) else part for part in parts]
    body = _body_height(paragraphs)
    following = [*paragraphs, []][1:]
    found = [
        (_height(lines), block)
        for block, lines, after in zip(blocks, paragraphs, following, strict=True)
        if body and _may_be_heading(block, lines) and _height(lines) >= _least(lines, after) * body
    ]
    level, last = 0, math.inf
    for height, block in sorted(found, key=lambda one: -one[0]):
        if height * _SAME_LEVEL < last:
            level, last = min(level + 1, _LEVELS), height
        block.kind, block.level = Kind.HEADING, level
    _level_numbers([block for _, block in found])


def _level_numbers(headings: Sequence[Block]) -> None:
    """Give headings whose numbers have as many parts the same level, the highest of them."""
    by_parts: defaultdict[int, list[Block]] = defaultdict(list)
    for block in headings:
        if number := _PARTS.match(block.lines[0].text):
            by_parts[len(number[0].strip(".").split("."))].append(block)
    for same in by_parts.values():
        level = min(block.level for block in same)
        for block in same:
            block.level = level


def _least(lines: Sequence[RecognisedLine], after: Sequence[RecognisedLine]) -> float:
    """Return the least height of a heading of *lines*, in heights of the body text.

    *after*: the paragraph that follows. Labels of a chart have none.
    """
    text = _text_of(lines)
    capitals = text.isupper() and len(_text_of(after)) >= _LEAST_PARAGRAPH
    marked = _NUMBERED.match(text) or capitals or is_usual_title(text)
    return _NUMBERED_FACTOR if marked else _FACTOR


def _text_of(lines: Sequence[RecognisedLine]) -> str:
    return " ".join(line.text for line in lines)


def _height(lines: Sequence[RecognisedLine]) -> float:
    heights = [word.box.height for line in lines for word in line.words]
    return median(heights) if heights else 0.0


def _body_height(paragraphs: Sequence[Sequence[RecognisedLine]]) -> float:
    """Return the median height of the words, counted by letters; 0 if there are few letters."""
    heights = sorted(
        (word.box.height, len(word.text))
        for lines in paragraphs
        for line in lines
        for word in line.words
    )
    total, seen = sum(count for _, count in heights), 0
    if total < _LEAST_BODY_LETTERS:
        return 0.0
    for height, count in heights:
        seen += count
        if 2 * seen >= total:
            return height
    return 0.0


def _may_be_heading(block: Block, lines: Sequence[RecognisedLine]) -> bool:
    text = _text_of(lines)
    letters = len(_LETTER.findall(text))
    return (
        0 < len(lines) <= _MOST_LINES
        and len(text) <= _LONGEST
        and letters >= _LEAST_LETTERS
        and letters >= _LETTER_SHARE * len(text.replace(" ", ""))
        and not text.endswith(_STOPS)
        and not CAPTION.match(text)
        and (block.confidence or 0.0) >= _LEAST_CONFIDENCE
    )
