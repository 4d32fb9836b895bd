"""Turns text that runs up or down a page, such as a wide table, or that is upside down.

The text is then read as upright text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from secretary_documents.pdf.layout.drawing import Drawing
from secretary_documents.pdf.layout.model import Block, Box, Line, Word, hull

# Fewer turned lines or letters are the labels of a chart or a stamp at the side of a page.
_LEAST_LINES, _LEAST_LETTERS = 3, 40
_DOWN, _UPSIDE_DOWN, _UP = 90, 180, 270
_AROUND = 20.0
"""Rules that are at most this far from the turned text belong to it, in points."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a page that makes its turned text upright."""

    degrees: int
    """By how many degrees the text is turned clockwise: 90 runs down, 270 up the page; or 180."""
    width: float
    height: float

    def box(self, box: Box) -> Box:
        """Return the place of *box* on the page after the turn."""
        if self.degrees == _UPSIDE_DOWN:
            return self._opposite(box)
        if self.degrees == _DOWN:
            return Box(box.top, self.width - box.right, box.bottom, self.width - box.left)
        return Box(self.height - box.bottom, box.left, self.height - box.top, box.right)

    def back(self, box: Box) -> Box:
        """Return the place on the page of a *box* on the turned page."""
        if self.degrees == _UPSIDE_DOWN:
            return self._opposite(box)
        if self.degrees == _DOWN:
            return Box(self.width - box.bottom, box.left, self.width - box.top, box.right)
        return Box(box.top, self.height - box.right, box.bottom, self.height - box.left)

    def _opposite(self, box: Box) -> Box:
        return Box(
            self.width - box.right,
            self.height - box.bottom,
            self.width - box.left,
            self.height - box.top,
        )

    def lines(self, lines: Iterable[Line]) -> list[Line]:
        """Return *lines* as upright lines."""
        return [replace(line, box=self.box(line.box), turned=False) for line in lines]

    def words(self, words: Iterable[Word]) -> list[Word]:
        """Return *words* as upright words."""
        return [Word(self.box(word.box), word.text, word.place) for word in words]

    def drawing(self, drawing: Drawing, lines: Sequence[Line]) -> Drawing:
        """Return the part of *drawing* around *lines*, turned."""
        place = hull(line.box for line in lines).wider(_AROUND)

        def turned(boxes: Iterable[Box]) -> list[Box]:
            return [self.box(box) for box in boxes if place.meets(box)]

        sides = (drawing.upright, drawing.across)
        across, upright = sides[::-1] if self.degrees == _UPSIDE_DOWN else sides
        return Drawing(
            across=turned(across),
            upright=turned(upright),
            boxes=turned(drawing.boxes),
            shaded=turned(drawing.shaded),
        )

    def block_back(self, block: Block) -> Block:
        """Return a *block* of the turned page with its place on the page."""
        return replace(
            block,
            box=self.back(block.box),
            lines=[replace(line, box=self.back(line.box), turned=True) for line in block.lines],
            table=block.table and replace(block.table, box=self.back(block.table.box)),
        )


def turned_texts(
    lines: Sequence[Line], width: float, height: float
) -> list[tuple[Turn, list[Line]]]:
    """Return those of *lines* that are turned text of several lines, by direction."""
    groups: dict[int, list[Line]] = {_UP: [], _DOWN: [], _UPSIDE_DOWN: []}
    for line in lines:
        if line.turned:
            groups[_UPSIDE_DOWN if line.upside_down else _DOWN if line.down else _UP].append(line)
    found = []
    for degrees, group in groups.items():
        letters = sum(map(str.isalnum, "".join(line.text for line in group)))
        if len(group) >= _LEAST_LINES and letters >= _LEAST_LETTERS:
            found.append((Turn(degrees, width, height), group))
    return found


def words_inside(words: Iterable[Word], lines: Sequence[Line]) -> list[Word]:
    """Return those of *words* that are in *lines*."""
    boxes = [line.box.wider(1) for line in lines]
    return [word for word in words if any(box.holds(word.box.middle) for box in boxes)]
