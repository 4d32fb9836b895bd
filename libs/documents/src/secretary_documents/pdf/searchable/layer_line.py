"""Lines of recognised words with their places. They pass between children as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Protocol

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.layout.script import is_right_to_left

# A paragraph whose size differs by at most this share from that of most letters has that size.
_SAME_SIZE = 0.2
# The distance of lines is at most this number of sizes, unless the size would grow too much.
_PITCH, _LARGEST = 1.35, 1.25
# Fewer lines and letters are the labels of a chart, or a part of a formula.
_LEAST_LINES, _LEAST_LETTERS = 3, 80


class PlacedWord(Protocol):
    """A word with its place on the page as it is shown."""

    @property
    def box(self) -> Box:
        """The place in points."""
        ...

    @property
    def text(self) -> str:
        """The word."""
        ...


class PlacedLine(Protocol):
    """The words of a line, in reading order."""

    @property
    def words(self) -> Sequence[PlacedWord]:
        """At least one word."""
        ...


@dataclass(frozen=True, slots=True)
class LayerLine:
    """The words of one line, in reading order, with their boxes on the page as it is shown."""

    words: tuple[Word, ...]
    turn: int = 0
    """By how many degrees the line is turned clockwise: 0, 90, 180 or 270."""
    size: float = 0.0
    """The font size in points; 0 is the height of the highest word."""


def layer_lines(paragraphs: Iterable[Sequence[PlacedLine]]) -> list[LayerLine]:
    """Return the lines of the *paragraphs* of one page.

    A line of one word is turned as most lines of the page. The lines of a paragraph have one size.
    """
    words = [
        [tuple(Word(word.box, word.text) for word in line.words) for line in lines]
        for lines in paragraphs
    ]
    found = (turn for lines in words for line in lines if (turn := _turn_of(line)) is not None)
    usual = Counter(found).most_common(1)
    single = usual[0][0] if usual else 0
    turned = [
        [LayerLine(line, single if (turn := _turn_of(line)) is None else turn) for line in lines]
        for lines in words
    ]
    return _with_sizes(turned)


def _with_sizes(paragraphs: Sequence[Sequence[LayerLine]]) -> list[LayerLine]:
    """Return the lines of *paragraphs* with font sizes, by which readers find the paragraphs.

    Poppler takes lines for one column if their sizes are the same within 5 %, and if their distance
    is at most 1.5 times the size. But the height of recognised words differs from line to line.
    """
    sizes = [_size_of(lines) for lines in paragraphs]
    letters: Counter[float] = Counter()
    for size, lines in zip(sizes, paragraphs, strict=True):
        letters[size] += _letters_in(lines) if size else 0
    body = letters.most_common(1)[0][0] if letters else 0.0
    near = [body if abs(size - body) <= _SAME_SIZE * body else size for size in sizes]
    return [
        replace(line, size=size)
        for size, lines in zip(near, paragraphs, strict=True)
        for line in lines
    ]


def _size_of(lines: Sequence[LayerLine]) -> float:
    """Return the font size of a paragraph, in points, rounded to tenths; 0 if it is very short."""
    if len(lines) < _LEAST_LINES and _letters_in(lines) < _LEAST_LETTERS:
        return 0.0
    upright = [line.turn % 180 == 0 for line in lines]
    boxes = [[word.box for word in line.words] for line in lines]
    heights = [
        max(box.height if one else box.width for box in found)
        for one, found in zip(upright, boxes, strict=True)
    ]
    middles = [
        median(box.middle[1 if one else 0] for box in found)
        for one, found in zip(upright, boxes, strict=True)
    ]
    size = median(heights)
    distances = [abs(after - before) for before, after in pairwise(middles)]
    pitch = median(distances) if distances else 0.0
    return round(min(max(size, pitch / _PITCH), _LARGEST * size), 1)


def _letters_in(lines: Iterable[LayerLine]) -> int:
    return sum(len(word.text) for line in lines for word in line.words)


def _turn_of(words: Sequence[Word]) -> int | None:
    """Return the direction in which *words* follow each other; None for a single word."""
    if len(words) < 2:  # noqa: PLR2004 - one word has no direction
        return None
    (left, top), (to_left, to_top) = words[0].box.middle, words[-1].box.middle
    across, down = to_left - left, to_top - top
    if abs(down) > abs(across):
        return 90 if down > 0 else 270
    # Words of other scripts follow each other to the left on a page that is not turned.
    return 0 if across >= 0 or any(is_right_to_left(word.text) for word in words) else 180


def lines_to_json(lines: Sequence[LayerLine]) -> str:
    """Return *lines* as compact JSON: ``[[turn, [[left, top, right, bottom, text], …], size], …]``.

    Boxes and sizes are in tenths of a point.
    """
    found = [
        [
            line.turn,
            [[*(round(10 * side) for side in word.box), word.text] for word in line.words],
            round(10 * line.size),
        ]
        for line in lines
    ]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def lines_from_json(text: str) -> list[LayerLine]:
    """Return the lines that ``lines_to_json`` wrote.

    Raises:
        ValueError: *text* is something else.
    """
    try:
        return [
            LayerLine(tuple(_word(*word) for word in words), int(turn) % 360, int(size) / 10)
            for turn, words, size in json.loads(text)
        ]
    except (TypeError, RecursionError) as error:
        raise ValueError("these are no recognised lines") from error


def _word(left: int, top: int, right: int, bottom: int, text: str) -> Word:
    return Word(Box(left / 10, top / 10, right / 10, bottom / 10), str(text))
