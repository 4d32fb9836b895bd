"""Finds the tables of a page that have lines between their cells. Runs in the child only."""

from __future__ import annotations

from dataclasses import dataclass

import pymupdf

from secretary_documents.pdf.layout import escape
from secretary_documents.pdf.mupdf import MUPDF_ERRORS, raising_memory_error

# A page with fewer paths has no table. A page with more paths is a drawing, and the search for
# tables would take minutes.
LEAST_PATHS, MOST_PATHS = 4, 3000
_LEAST_ROWS, _LEAST_COLUMNS = 2, 2
# The errors that the table finder raises for odd pages, in addition to MuPDF's errors.
_FINDER_ERRORS = (*MUPDF_ERRORS, ArithmeticError, AttributeError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page."""

    box: tuple[float, float, float, float]
    """The place on the page in points: left, top, right, bottom."""
    rows: tuple[tuple[str, ...], ...]

    def holds(self, x: float, y: float) -> bool:
        """Return whether the point (*x*, *y*) is inside the table."""
        left, top, right, bottom = self.box
        return left <= x <= right and top <= y <= bottom

    def as_markdown(self) -> str:
        """Return the table with its first row as the header, because Markdown requires a header."""
        head, *body = [_row(cells) for cells in self.rows]
        rule = f"|{' --- |' * len(self.rows[0])}"
        return "\n".join([head, rule, *body])


def tables_on(page: pymupdf.Page) -> list[Table]:
    """Return the tables of *page* that have lines between their cells."""
    paths = sum(kind.endswith("-path") for kind, _ in page.get_bboxlog())
    if not LEAST_PATHS <= paths <= MOST_PATHS:
        return []
    try:
        with raising_memory_error():
            found = [
                Table(tuple(table.bbox), _cells(table.extract())) for table in page.find_tables()
            ]
    except _FINDER_ERRORS:
        return []  # the text of the cells is read as ordinary lines instead
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
