"""Blocks of a page, the lines and spans inside them, and tables with cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Flag, StrEnum, auto
from functools import cached_property
from typing import NamedTuple


class Box(NamedTuple):
    """A place on the page in points, from the left and from the top."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """The width in points."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The height in points."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """The point in the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def holds(self, point: tuple[float, float]) -> bool:
        """Return whether *point* is inside."""
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom

    def meets(self, other: Box) -> bool:
        """Return whether the boxes overlap or touch."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )

    def wider(self, by: float) -> Box:
        """Return the box with each side moved outwards."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)


def hull(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around *boxes*, of which there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


class Kind(StrEnum):
    """The kind of a block."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE = "table"
    CAPTION = "caption"
    FIGURE = "figure"
    CODE = "code"
    FORMULA = "formula"
    HEADER = "header"
    FOOTER = "footer"
    FOOTNOTE = "footnote"


class Markup(Flag):
    """What the author of a file has marked. PDFs have only fonts, so their spans have none."""

    NONE = 0
    BOLD = auto()
    ITALIC = auto()
    CODE = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line with one style."""

    text: str
    size: float
    bold: bool = False
    mono: bool = False
    link: str | None = None
    """The address to which the text links."""
    math: bool = False
    """Whether the font is one for mathematics."""
    markup: Markup = Markup.NONE


def part_of(spans: tuple[Span, ...], low: int, high: int) -> tuple[Span, ...]:
    """Return the part of *spans* from character number *low* of their text to before *high*."""
    cut, at = [], 0
    for span in spans:
        part = span.text[max(low - at, 0) : max(high - at, 0)]
        if part:
            cut.append(replace(span, text=part))
        at += len(span.text)
    return tuple(cut)


@dataclass(frozen=True)
class Line:
    """Text on one baseline without wide gaps."""

    box: Box
    spans: tuple[Span, ...]
    turned: bool = False
    """Whether the line does not run from the left to the right."""
    index: int = 0
    """The place in the order of the file."""
    down: bool = False
    """Whether a turned line runs down the page; other turned lines run up or are upside down."""
    upside_down: bool = False
    """Whether a turned line is upside down, so that it runs to the left."""

    @cached_property
    def text(self) -> str:
        """The text of all spans."""
        return " ".join("".join(span.text for span in self.spans).split())

    @cached_property
    def size(self) -> float:
        """The font size of most letters, in points, rounded to a half."""
        return round(self._longest.size * 2) / 2

    @cached_property
    def bold(self) -> bool:
        """Whether all letters are bold."""
        return all(span.bold for span in self.spans if any(map(str.isalnum, span.text)))

    @cached_property
    def mono(self) -> bool:
        """Whether most letters have the same width."""
        return self._mostly("mono")

    @property
    def _longest(self) -> Span:
        return max(self.spans, key=lambda span: len(span.text.strip()))

    def _mostly(self, style: str) -> bool:
        count = sum(len(span.text.strip()) for span in self.spans if getattr(span, style))
        return 2 * count > len(self.text)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a page."""

    box: Box
    text: str
    place: int = 0
    """The place in the order of reading, among the words of one line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table. Rows and columns count from 0."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page."""

    box: Box
    rows: int
    columns: int
    cells: tuple[Cell, ...]
    head_rows: int = 1

    def grid(self) -> list[list[str]]:
        """Return the text of each place. A cell over several places is at its first place only."""
        grid = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            grid[cell.row][cell.column] = cell.text
        return grid

    def filled(self) -> list[Cell]:
        """Return the cells row by row, with an empty cell at each place that has none."""
        taken = {
            (row, column)
            for cell in self.cells
            for row in range(cell.row, cell.row + cell.row_span)
            for column in range(cell.column, cell.column + cell.column_span)
        }
        places = ((row, column) for row in range(self.rows) for column in range(self.columns))
        empty = [Cell(row, column, "") for row, column in places if (row, column) not in taken]
        return sorted((*self.cells, *empty), key=lambda cell: (cell.row, cell.column))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a page, with its text if it was recognised."""

    box: Box
    lines: tuple[Line, ...] = ()
    confidence: float | None = None
    """The OCR engine's confidence in the text, 0 to 1."""
    file: str = ""
    """The name of the file with the picture; empty if there is none."""

    def block(self) -> Block:
        """Return the picture as a block."""
        method = "ocr" if self.lines else "native"
        return Block(
            Kind.FIGURE,
            self.box,
            self.lines,
            method=method,
            confidence=self.confidence,
            file=self.file,
        )


@dataclass(slots=True)
class Block:
    """A part of a page, such as a paragraph. A page has its blocks in reading order."""

    kind: Kind
    box: Box
    lines: Sequence[Line] = ()
    level: int = 0
    """The level of a heading, from 1, or the depth of an item of a list, from 0."""
    marker: str = ""
    """The bullet or number of an item."""
    table: Table | None = None
    repeated: bool = False
    """Whether other pages have the same header or footer."""
    method: str = "native"
    confidence: float | None = None
    file: str = ""
    """The name of the file with the picture of a figure; empty if there is none."""
    language: str = ""
    """The programming language of code; empty if it is unknown."""

    def code(self) -> str:
        """Return the lines of code with their indents."""
        return "\n".join("".join(span.text for span in line.spans) for line in self.lines)


@dataclass(slots=True)
class PageLayout:
    """The blocks of one page."""

    number: int
    width: float
    height: float
    blocks: list[Block] = field(default_factory=list)
    rotation: int = 0
    """By how many degrees the page is turned clockwise when it is shown: 0, 90, 180 or 270.

    The width and the height are those of the shown page, but the boxes are those without the turn.
    """

    def shown(self, box: Box) -> Box:
        """Return the place of *box* on the page as it is shown."""
        if self.rotation == 90:
            return Box(self.width - box.bottom, box.left, self.width - box.top, box.right)
        if self.rotation == 180:
            return Box(
                self.width - box.right,
                self.height - box.bottom,
                self.width - box.left,
                self.height - box.top,
            )
        if self.rotation == 270:
            return Box(box.top, self.height - box.right, box.bottom, self.height - box.left)
        return box


def shown(blocks: Iterable[Block], *, keep_headers: bool) -> list[Block]:
    """Return *blocks* without repeated headers and footers, unless they are kept or alone."""
    given = list(blocks)
    kept = [block for block in given if keep_headers or not block.repeated]
    return kept or given
