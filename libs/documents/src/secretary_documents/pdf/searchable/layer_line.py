"""Lines of recognised words with their places. They pass between children as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.layout.script import is_right_to_left


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


def layer_lines(lines: Iterable[PlacedLine]) -> list[LayerLine]:
    """Return the *lines* of one page. A line of one word is turned as most lines of the page."""
    words = [tuple(Word(word.box, word.text) for word in line.words) for line in lines]
    turns = [_turn_of(line) for line in words]
    usual = Counter(turn for turn in turns if turn is not None).most_common(1)
    single = usual[0][0] if usual else 0
    return [
        LayerLine(line, single if turn is None else turn)
        for line, turn in zip(words, turns, strict=True)
    ]


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
    """Return *lines* as compact JSON: ``[[turn, [[left, top, right, bottom, text], …]], …]``.

    Boxes are in tenths of a point.
    """
    found = [
        [line.turn, [[*(round(10 * side) for side in word.box), word.text] for word in line.words]]
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
            LayerLine(tuple(_word(*word) for word in words), int(turn) % 360)
            for turn, words in json.loads(text)
        ]
    except (TypeError, RecursionError) as error:
        raise ValueError("these are no recognised lines") from error


def _word(left: int, top: int, right: int, bottom: int, text: str) -> Word:
    return Word(Box(left / 10, top / 10, right / 10, bottom / 10), str(text))
