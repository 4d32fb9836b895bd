"""Collects the rows of a table in HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

from secretary_documents.formats.table_builder import TableBuilder


@dataclass(slots=True)
class HtmlTable:
    """A table whose rows are being read."""

    table: TableBuilder
    in_head: bool = False
    """Whether the row is in the element ``thead``."""
    _head_rows: int = 0
    _rows: int = 0
    _only_heads: bool = True
    _cell: tuple[int, int] | None = None
    """The spans of the open cell."""
    _cells: list[tuple[str, int, int]] = field(default_factory=list)

    def open_cell(self, *, row_span: int, column_span: int, is_head: bool) -> None:
        """Start a cell of the row."""
        self._cell = row_span, column_span
        self._only_heads &= is_head or self.in_head

    def end_cell(self, text: str) -> None:
        """End the open cell, which has *text*. Text outside of cells is left out."""
        if self._cell is not None:
            self._cells.append((text, *self._cell))
            self._cell = None

    def end_row(self) -> None:
        """End the row; do nothing if it has no cells."""
        if self._cells:
            if self._only_heads and self._head_rows == self._rows:
                self._head_rows += 1
            self._rows += 1
            self.table.row()
            for text, down, wide in self._cells:
                self.table.cell(text, row_span=down, column_span=wide)
        self._cells = []
        self._only_heads = True

    def finished(self) -> TableBuilder:
        """Return the table."""
        self.table.head_rows = max(self._head_rows, 1)
        return self.table
