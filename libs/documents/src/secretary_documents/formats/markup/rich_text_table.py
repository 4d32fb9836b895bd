"""Collects the rows of a table in rich text (RTF)."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_documents.formats.limits import Budget
from secretary_documents.formats.table_builder import TableBuilder


@dataclass(slots=True)
class CellMerge:
    """How a cell is merged with its neighbours."""

    with_left: bool = False
    with_above: bool = False


class RichTextTable:
    """The table whose rows are being read."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._table: TableBuilder | None = None
        self._texts: list[str] = []
        self._merges: list[CellMerge] = []
        self._next = CellMerge()
        self._heads = 0
        self._rows = 0
        self._is_head = False

    def word(self, word: str) -> None:
        """Take a control word that describes the row or its next cell."""
        if word == "trowd":
            self._merges, self._next, self._is_head = [], CellMerge(), False
        elif word == "clmrg":
            self._next.with_left = True
        elif word == "clvmrg":
            self._next.with_above = True
        elif word == "trhdr":
            self._is_head = True
        elif word == "cellx":
            self._merges.append(self._next)
            self._next = CellMerge()

    def cell(self, text: str) -> None:
        """Add the text of a cell."""
        self._texts.append(text)

    def end_row(self) -> None:
        """Add the row whose cells were added."""
        texts, self._texts = self._texts, []
        if not texts:
            return
        if self._table is None:
            self._table = TableBuilder(self._budget)
        self._heads += int(self._is_head and self._heads == self._rows)
        self._rows += 1
        self._table.row()
        at = 0
        while at < len(texts):
            span = 1
            while at + span < len(texts) and self._merge(at + span).with_left:
                span += 1
            if self._merge(at).with_above:
                self._table.extend_above(column_span=span)
            else:
                self._table.cell(" ".join(texts[at : at + span]), column_span=span)
            at += span

    def _merge(self, at: int) -> CellMerge:
        return self._merges[at] if at < len(self._merges) else CellMerge()

    def finish(self) -> TableBuilder | None:
        """Return the table and forget it; None if there is none."""
        table, self._table = self._table, None
        if table:
            table.head_rows = max(self._heads, 1)
        self._heads = self._rows = 0
        return table
