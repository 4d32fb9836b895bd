"""Finds the ruled tables of a page. Runs in the child process only."""

from __future__ import annotations

from dataclasses import dataclass

import pymupdf

from secretary_documents.pdf.layout import escape
from secretary_documents.pdf.mupdf import MUPDF_ERRORS, raising_memory_error

# Fewer paths make no table. More paths are a drawing, which would take minutes to search.
LEAST_PATHS, MOST_PATHS = 4, 3000
_LEAST_ROWS, _LEAST_COLUMNS = 2, 2
# What the table finder raises for odd pages, in addition to MuPDF's errors.
_FINDER_ERRORS = (*MUPDF_ERRORS, ArithmeticError, AttributeError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its place on the page, in points, and its cells."""

    box: tuple[float, float, float, float]
    rows: tuple[tuple[str, ...], ...]

    def holds(self, x: float, y: float) -> bool:
        """Return whether the point is inside the table."""
        left, top, right, bottom = self.box
        return left <= x <= right and top <= y <= bottom

    def as_markdown(self) -> str:
        """Return the table with its first row as the header, because Markdown requires a header."""
        head, *body = [_row(cells) for cells in self.rows]
        rule = f"|{' --- |' * len(self.rows[0])}"
        return "\n".join([head, rule, *body])


def tables_on(page: pymupdf.Page) -> list[Table]:
    """Return the tables of *page* that have rules between their cells."""
    paths = sum(kind.endswith("-path") for kind, _ in page.get_bboxlog())
    if not LEAST_PATHS <= paths <= MOST_PATHS:
        return []
    try:
        with raising_memory_error():
            found = [
                Table(tuple(table.bbox), _cells(table.extract())) for table in page.find_tables()
            ]
    except _FINDER_ERRORS:
        return []  # the text of the cells is still read, as lines
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
    return f"| {' | '.join(escape(cell).replace('|', chr(92) + '|') for cell in cells)} |"
