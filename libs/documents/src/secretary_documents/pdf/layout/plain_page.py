"""Reads the plain text of a page with MuPDF. Runs in the child only.

Most pages have one column of text. For them the text in the order of the file is right, and the
layout of the page, which takes more time, is not made.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property
from itertools import combinations, pairwise

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.layout.script import is_right_to_left
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.style import EDGE, running_key, running_on
from secretary_documents.pdf.mupdf.page import area_of
from secretary_documents.pdf.mupdf.text import small_text_blocks

# A first character without a meaning in the file is a bullet of a font for symbols.
_BULLET = re.compile(r"^\N{REPLACEMENT CHARACTER}[\x80-\x9f]?(?=\s+\w{2})", re.MULTILINE)
# Characters that only say where a word may be divided, or where it may not.
_NO_WIDTH = dict.fromkeys(map(ord, "\N{SOFT HYPHEN}\u200b\u2060\ufeff"))
# A block with less height for each of its lines has lines side by side, such as the cells of a row.
_LEAST_PITCH = 6.0
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_FORMULA_MARKS = 6
# Fewer characters in each line are single letters of a vertical font, or the cells of a table.
_LEAST_CHARS = 4
# A block that ends at most this many points below the start of the block before it stands above it.
_UP_AGAIN = -20.0
_WORD = re.compile(r"[^\W\d_]{2,}+")
# Blocks that are narrower or shorter, have no words, or have fewer characters in each line, are
# labels of a chart and parts of formulas. A chart is in the file as a whole, so its order is kept.
_LEAST_WIDTH, _PROSE_CHARS, _PROSE_LINE = 80.0, 15, 8
# A column has at least this number of lines, and tables have this number and share of cells.
_COLUMN_LINES, _LEAST_CELLS, _CELL_SHARE = 3, 8, 0.45
_TICK = 5
_DOUBT = 15.0
"""The boxes of blocks with unusual fonts are higher than their letters by this many points."""
_MOST = 60
"""The most blocks that are compared with each other."""


class PlainPage:
    """The text of a page, in the order of the file. MuPDF is asked for it when it is used."""

    def __init__(self, source: PageSource) -> None:
        self._source = source
        self._height = area_of(source.page)[3]
        self._is_rotated = source.page.rotation % 360 != 0

    @cached_property
    def _blocks(self) -> list[tuple[Box, str]]:
        return [(Box(*box), text) for box, text in self._source.text_blocks]

    @cached_property
    def _text(self) -> str:
        return "".join(text for _, text in self._blocks)

    def text(self) -> str:
        """Return the text of all blocks."""
        return _legible(self._text).strip()

    def is_one_column(self) -> bool:
        """Return whether the order of the file is the reading order, and rows are in one line."""
        text = self._text
        if self._is_rotated:  # the blocks have places without the rotation
            return False
        if not text.isascii() and is_right_to_left(text):
            return False
        if len(text) < _LEAST_CHARS * text.count("\n"):
            return False
        if text.count(_UNKNOWN) >= _FORMULA_MARKS:  # large brackets and sums of formulas
            return self._runs_down()
        return self._runs_down() and not self._has_columns() and not self._has_rows()

    def _runs_down(self) -> bool:
        """Return whether no block of prose stands above the block before it in the file."""
        prose = [box for box, text in self._blocks if _is_prose(box, text)]
        return all(after.bottom > before.top + _UP_AGAIN for before, after in pairwise(prose))

    def _has_columns(self) -> bool:
        """Return whether two blocks of prose with several lines stand side by side."""
        tall = [
            box
            for box, text in self._blocks
            if text.count("\n") >= _COLUMN_LINES and _is_prose(box, text)
        ]
        return any(_are_beside(one, other) for one, other in combinations(tall[:_MOST], 2))

    def _has_rows(self) -> bool:
        """Return whether most lines of the page are cells of rows."""
        cells = lines = 0
        named = False
        last: Box | None = None
        for box, text in self._blocks:
            count = text.count("\n")
            low = box.height < _LEAST_PITCH * count
            beside = last is not None and _are_beside(last, box)
            # Rows of short numbers without any word are those at the axes of a chart.
            named = bool(_WORD.search(text)) or (beside and named) or len(text) > _TICK * count
            lines += count
            cells += count if named and (low or beside) else 0
            last = box
        return cells >= _LEAST_CELLS and cells > _CELL_SHARE * lines

    def without_running_lines(self, running: Collection[str]) -> str:
        """Return the text without the *running* heads and feet, unless nothing is left."""
        if not running:
            return self.text()
        here = running_on(self._blocks, running, self._height)
        kept = [
            text for is_edge, text in self._edges if not (is_edge and running_key(text) in here)
        ]
        return _legible("".join(kept)).strip() or self.text()

    def edge_keys(self) -> set[str]:
        """Return the blocks at the edges as ``style.running_key``; none if nothing is between."""
        edges = [text for is_edge, text in self._edges if is_edge]
        if len(edges) == len(self._edges):
            return set()
        return {running_key(text) for text in edges}

    @cached_property
    def _edges(self) -> list[tuple[bool, str]]:
        """The text of each block, and whether the block is at an edge of the page."""
        blocks = self._blocks
        head, foot = EDGE * self._height, (1 - EDGE) * self._height
        if any(
            abs(box.bottom - head) < _DOUBT or abs(box.top - foot) < _DOUBT for box, _ in blocks
        ):
            blocks = [(Box(*box), text) for box, text in small_text_blocks(self._source.text)]
        return [(box.bottom < head or box.top > foot, text) for box, text in blocks]


def _legible(text: str) -> str:
    """Return *text* with bullets, and without characters that have no width."""
    return text if text.isascii() else _BULLET.sub("•", text).translate(_NO_WIDTH)


def _is_prose(box: Box, text: str) -> bool:
    least = max(_PROSE_CHARS, _PROSE_LINE * text.count("\n"))
    return box.width >= _LEAST_WIDTH and len(text) >= least and _has_two_words(text)


def _has_two_words(text: str) -> bool:
    first = _WORD.search(text)
    return bool(first and _WORD.search(text, first.end()))


def _are_beside(one: Box, other: Box) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    apart = max(other.left - one.right, one.left - other.right)
    return apart > 2 and shared > 0.5 * min(one.height, other.height)
