"""Collects the rows of a table in rich text (RTF)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from secretary_documents.formats.limits import Budget
from secretary_documents.formats.table_builder import TableBuilder

# Twips (1/1440 inch) by which the same edge of two rows may differ.
_SAME_EDGE = 20


@dataclass(slots=True)
class _Cell:
    """A cell of a row, as the row is defined."""

    with_left: bool = False
    with_above: bool = False
    right: int = 0
    """The place of its right edge, in twips."""
    text: str = ""


@dataclass(slots=True)
class _Row:
    cells: list[_Cell]
    is_head: bool


@dataclass(slots=True)
class RichTextTable:
    """The table whose rows are being read.

    A row says where the right edge of each cell is, and a cell over several columns is one whose
    edges are further apart than those in other rows. So columns are known when the table ends.
    """

    budget: Budget
    _rows: list[_Row] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _cells: list[_Cell] = field(default_factory=list)
    _next: _Cell = field(default_factory=_Cell)
    _is_head: bool = False

    def word(self, word: str, number: int | None) -> None:
        """Take a control word that describes the row or its next cell."""
        if word == "trowd":
            self._cells, self._next, self._is_head = [], _Cell(), False
        elif word == "clmrg":
            self._next.with_left = True
        elif word == "clvmrg":
            self._next.with_above = True
        elif word == "trhdr":
            self._is_head = True
        elif word == "cellx":
            self._next.right = number or 0
            self._cells.append(self._next)
            self._next = _Cell()

    def cell(self, text: str) -> None:
        """Add the text of a cell."""
        self._texts.append(text)

    def end_row(self) -> None:
        """Add the row whose cells were added."""
        texts, self._texts = self._texts, []
        if not texts:
            return
        defined = [_Cell(one.with_left, one.with_above, one.right) for one in self._cells]
        last = defined[-1].right if defined else 0
        while len(defined) < len(texts):
            last += _SAME_EDGE + 1
            defined.append(_Cell(right=last))
        for cell, text in zip(defined, texts, strict=False):
            cell.text = text
        self._rows.append(_Row(defined[: len(texts)], self._is_head))

    def finish(self) -> TableBuilder | None:
        """Return the table and forget it; None if there is none.

        Raises:
            PermanentError: DOCUMENT_TOO_LARGE.
        """
        rows, self._rows = self._rows, []
        if not rows:
            return None
        table = TableBuilder(self.budget)
        edges = _edges(rows)
        for row in rows:
            table.row()
            _add_cells(table, row.cells, edges)
        heads = next((at for at, row in enumerate(rows) if not row.is_head), len(rows))
        table.head_rows = max(heads, 1)
        return table


def _edges(rows: Iterable[_Row]) -> list[int]:
    """Return the edges of the columns; nothing if the edges of a row do not rise."""
    edges: list[int] = []
    for edge in sorted({cell.right for row in rows for cell in row.cells}):
        if not edges or edge > edges[-1] + _SAME_EDGE:
            edges.append(edge)
    for row in rows:
        columns = [_column(edges, cell) for cell in row.cells]
        if any(left >= right for left, right in zip([-1, *columns], columns, strict=False)):
            return []
    return edges


def _column(edges: list[int], cell: _Cell) -> int:
    return bisect_left(edges, cell.right - _SAME_EDGE)


def _add_cells(table: TableBuilder, cells: list[_Cell], edges: list[int]) -> None:
    at, left = 0, -1
    while at < len(cells):
        end = at + 1
        while end < len(cells) and cells[end].with_left:
            end += 1
        right = _column(edges, cells[end - 1]) if edges else end - 1
        if cells[at].with_above:
            table.extend_above(column_span=right - left)
        else:
            text = " ".join(cell.text for cell in cells[at:end])
            table.cell(text, column_span=right - left)
        at, left = end, right
