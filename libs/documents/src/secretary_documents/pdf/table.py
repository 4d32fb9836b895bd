"""Ruled tables of a page. Runs in the child only."""

from __future__ import annotations

from dataclasses import dataclass

import pymupdf

from secretary_documents.pdf.document import MUPDF_ERRORS, out_of_memory_told
from secretary_documents.pdf.paragraph import escaped

# Fewer strokes make no table; with more it is a drawing, and looking through it takes minutes.
LEAST_PATHS, MOST_PATHS = 4, 3000
_LEAST_ROWS, _LEAST_COLUMNS = 2, 2
# What its finder raises for odd pages, besides what MuPDF does.
_FINDER_ERRORS = (*MUPDF_ERRORS, ArithmeticError, AttributeError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: where it stands, in points, and its cells."""

    box: tuple[float, float, float, float]
    rows: tuple[tuple[str, ...], ...]

    def holds(self, x: float, y: float) -> bool:
        """Whether the point lies in it."""
        left, top, right, bottom = self.box
        return left <= x <= right and top <= y <= bottom

    def as_markdown(self) -> str:
        """Its first row is the head: Markdown knows no table without."""
        head, *body = [_row(cells) for cells in self.rows]
        rule = f"|{' --- |' * len(self.rows[0])}"
        return "\n".join([head, rule, *body])


def tables_on(page: pymupdf.Page) -> list[Table]:
    """The tables with rules between their cells."""
    paths = sum(kind.endswith("-path") for kind, _ in page.get_bboxlog())
    if not LEAST_PATHS <= paths <= MOST_PATHS:
        return []
    try:
        with out_of_memory_told():
            found = [
                Table(tuple(table.bbox), _cells(table.extract())) for table in page.find_tables()
            ]
    except _FINDER_ERRORS:
        return []  # its text is still there, as lines
    return [table for table in found if _is_table(table)]


def _cells(rows: list[list[str | None]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(" ".join((cell or "").split()) for cell in row) for row in rows)


def _is_table(table: Table) -> bool:
    filled = sum(bool(cell) for row in table.rows for cell in row)
    return (
        len(table.rows) >= _LEAST_ROWS
        and len(table.rows[0]) >= _LEAST_COLUMNS
        and filled > max(len(table.rows), len(table.rows[0]))
    )


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(escaped(cell).replace('|', chr(92) + '|') for cell in cells)} |"
