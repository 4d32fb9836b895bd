"""Writes a table of ``writers.json`` as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from typing import Any

MOST_PLACES = 1_000_000
"""The most places of a table, its rows times its columns."""


def table_to_csv(table: dict[str, Any]) -> str:
    """Return *table* as CSV. A cell over several places is at its first place only.

    Raises:
        ValueError: the table has more than ``MOST_PLACES`` places.
        LookupError or TypeError: a cell is outside of the table, or it is no table.
    """
    rows, columns = table["rows"], table["columns"]
    if not (0 <= rows <= MOST_PLACES and columns >= 0 and rows * columns <= MOST_PLACES):
        message = f"a table of {rows} x {columns} cells"
        raise ValueError(message)
    grid = [[""] * columns for _ in range(rows)]
    for cell in table["cells"]:
        grid[cell["row"]][cell["column"]] = cell["text"]
    written = io.StringIO(newline="")
    csv.writer(written).writerows(grid)
    return written.getvalue()
