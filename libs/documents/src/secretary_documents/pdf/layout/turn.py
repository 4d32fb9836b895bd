"""Turns text that runs up or down a page, such as a wide table, so that it is read as upright."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from secretary_documents.pdf.layout.drawing import Drawing
from secretary_documents.pdf.layout.model import Block, Box, Line, Word, hull

# Fewer turned lines or letters are the labels of a chart or a stamp at the side of a page.
_LEAST_LINES, _LEAST_LETTERS = 3, 40
_AROUND = 20.0
"""Rules that are at most this far from the turned text belong to it, in points."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A quarter turn of a page that makes its turned text upright."""

    down: bool
    """Whether the text runs down the page; else it runs up."""
    width: float
    height: float

    def box(self, box: Box) -> Box:
        """Return the place of *box* on the page after the turn."""
        if self.down:
            return Box(box.top, self.width - box.right, box.bottom, self.width - box.left)
        return Box(self.height - box.bottom, box.left, self.height - box.top, box.right)

    def back(self, box: Box) -> Box:
        """Return the place on the page of a *box* on the turned page."""
        if self.down:
            return Box(self.width - box.bottom, box.left, self.width - box.top, box.right)
        return Box(box.top, self.height - box.right, box.bottom, self.height - box.left)

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

        return Drawing(
            across=turned(drawing.upright),
            upright=turned(drawing.across),
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
    """Return those of *lines* that are text of several lines up or down the page, by direction."""
    found = []
    for down in (False, True):
        group = [line for line in lines if line.turned and line.down is down]
        letters = sum(map(str.isalnum, "".join(line.text for line in group)))
        if len(group) >= _LEAST_LINES and letters >= _LEAST_LETTERS:
            found.append((Turn(down, width, height), group))
    return found


def words_inside(words: Iterable[Word], lines: Sequence[Line]) -> list[Word]:
    """Return those of *words* that are in *lines*."""
    boxes = [line.box.wider(1) for line in lines]
    return [word for word in words if any(box.holds(word.box.middle) for box in boxes)]
