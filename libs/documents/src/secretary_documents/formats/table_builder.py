"""Builds a table row by row, with cells over several columns and rows."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_documents.formats.limits import Budget
from secretary_documents.pdf.layout.model import Box, Cell, Table

_CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n"} | {0xAD: None}
_WIDEST = 16_384
"""The most columns of a table, as in Excel."""


@dataclass(slots=True)
class _Place:
    row: int
    column: int
    text: str
    row_span: int
    column_span: int


def without_controls(text: str) -> str:
    """Return *text* without control characters, but with its tabs and line ends."""
    return text.translate(_CONTROL)


class TableBuilder:
    """Places the cells of one table. Spans that reach over the edges are cut."""

    def __init__(self, budget: Budget) -> None:
        """*budget*: counts the cells of all tables."""
        self._budget = budget
        self._cells: list[_Place] = []
        self._row = -1
        self._column = 0
        self._blocked: dict[int, int] = {}
        """By column: the first row that no cell from above reaches."""
        self._last: dict[int, _Place] = {}
        """By column: the last cell that begins there."""
        self.head_rows = 1

    def row(self) -> None:
        """Start the next row."""
        self._row += 1
        self._column = 0

    def cell(self, text: str, *, row_span: int = 1, column_span: int = 1) -> None:
        """Add a cell at the next free place of the row.

        Raises:
            PermanentError: DOCUMENT_TOO_LARGE.
        """
        row_span, column_span = max(row_span, 1), max(min(column_span, _WIDEST), 1)
        while self._blocked.get(self._column, 0) > self._row:
            self._column += 1
        self._budget.add_cells(column_span)
        if row_span > 1:
            for column in range(self._column, self._column + column_span):
                self._blocked[column] = self._row + row_span
        joined = without_controls(" ".join(text.split()))
        place = _Place(self._row, self._column, joined, row_span, column_span)
        self._cells.append(place)
        self._last[self._column] = place
        self._column += column_span

    def extend_above(self, *, column_span: int = 1) -> None:
        """Continue the cell above: the next place belongs to it (``vMerge`` of Word)."""
        place = self._last.get(self._column)
        if place and place.row + place.row_span == self._row:
            place.row_span += 1
        self._column += max(min(column_span, _WIDEST), 1)

    def table(self) -> Table | None:
        """Return the table without empty rows at its end; None if no cell has text.

        Raises:
            PermanentError: DOCUMENT_TOO_LARGE.
        """
        filled = [place for place in self._cells if place.text]
        if not filled:
            return None
        rows = max(place.row for place in filled) + 1
        columns = max(place.column for place in filled) + 1
        self._budget.add_cells(rows * columns)
        cells = tuple(
            Cell(
                place.row,
                place.column,
                place.text,
                min(place.row_span, rows - place.row),
                min(place.column_span, columns - place.column),
            )
            for place in filled
        )
        columns = max(cell.column + cell.column_span for cell in cells)
        return Table(Box(0, 0, 0, 0), rows, columns, cells, min(self.head_rows, rows))
