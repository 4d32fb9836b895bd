"""Makes tables of rows of words that have no vertical rules, unless they look like prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from secretary_documents.pdf.layout.model import Box, Cell, Table, Word, hull
from secretary_documents.pdf.layout.tables.columns import RowCells, cells_by_column, columns_of
from secretary_documents.pdf.layout.tables.text import (
    Segment,
    is_number,
    segments_of,
)

# Prose has long segments and few rows with several of them.
_LONGEST_CELL = 45
_LEAST_TABULAR = 0.5
_PROSE_ROW = 62
_LONGEST_ROW = 75
"""A row with one cell of more characters is prose."""
_PAGE_NUMBER = re.compile(r"\d{1,4}|[ivxl]{1,7}")
_PART_NUMBER = re.compile(r"\d++(?:\.\d++)*+\.?|[A-Z]\.?|[IVX]+\.?")


def table_of_rows(bands: Sequence[Sequence[Sequence[Word]]], box: Box) -> Table | None:
    """Return the table of rows of words; None if they look like prose.

    Args:
        bands: the rows; those of one band have no rule between them.
        box: the place of the table.
    """
    rows = [segments_of(row) for band in bands for row in band]
    if not _is_tabular(rows):
        return None
    columns = columns_of(rows)
    return table_in_columns(bands, columns, box) if len(columns) > 1 else None


def table_in_columns(
    bands: Sequence[Sequence[Sequence[Word]]], columns: Sequence[tuple[float, float]], box: Box
) -> Table | None:
    """Return the table of rows of words whose *columns* have these left and right sides."""
    rows = [segments_of(row) for band in bands for row in band]
    lines = [cells_by_column(row, columns) for row in rows]
    groups = list(_row_groups([len(band) for band in bands], lines, rows))
    if len(groups) < 2:
        return None
    cells = [cell for number, group in enumerate(groups) for cell in _cells(number, group)]
    used = sorted({cell.column for cell in cells})
    cells = [_moved(cell, used) for cell in cells]
    if len(used) < 2 or _is_contents(cells, len(used)):
        return None
    return Table(box, len(groups), len(used), tuple(cells))


def _moved(cell: Cell, used: Sequence[int]) -> Cell:
    """Return *cell* as it is if only the columns *used* are counted."""
    wide = sum(cell.column <= column < cell.column + cell.column_span for column in used)
    return replace(cell, column=used.index(cell.column), column_span=wide)


def _is_contents(cells: Sequence[Cell], columns: int) -> bool:
    """Return whether the columns are titles, perhaps with numbers before, and page numbers."""
    pages = [cell.text for cell in cells if cell.column == columns - 1]
    if columns > 3 or len(pages) < 3 or not all(map(_PAGE_NUMBER.fullmatch, pages)):
        return False
    numbers = [int(page) for page in pages if page.isdecimal()]
    others = [cell.text for cell in cells if cell.column == columns - 2]
    before = [cell.text for cell in cells if columns == 3 and cell.column == 0]
    return (
        numbers == sorted(numbers)
        and not any(map(is_number, others))
        and all(map(_PART_NUMBER.fullmatch, before))
    )


def _is_tabular(rows: Sequence[Sequence[Segment]]) -> bool:
    if any(len(row) == 1 and len(row[0].text) > _LONGEST_ROW for row in rows):
        return False
    several = [row for row in rows if len(row) > 1]
    if len(rows) < 2 or len(several) < _LEAST_TABULAR * len(rows):
        return False
    segments = [segment.text for row in several for segment in row]
    if median(len(text) for text in segments) > _LONGEST_CELL:
        return False
    return not _is_prose(rows)


def _is_prose(rows: Sequence[Sequence[Segment]]) -> bool:
    """Return whether the rows are long lines of words, such as those of two columns of text."""
    texts = [" ".join(segment.text for segment in row) for row in rows]
    words = [word for text in texts for word in text.split()]
    small = sum(word[:1].islower() for word in words)
    numbers = sum(is_number(word) for word in words)
    return (
        median(len(text) for text in texts) > _PROSE_ROW
        and small > 0.65 * len(words)
        and numbers < 0.08 * len(words)
    )


def _row_groups(
    sizes: Sequence[int], lines: Sequence[RowCells], rows: Sequence[Sequence[Segment]]
) -> Iterator[list[RowCells]]:
    """Yield the lines of each row of the table. A cell may have several lines."""
    ruled = (
        len(sizes) >= 4 and max(sizes[1:]) <= 4 and sum(size == 1 for size in sizes) < len(sizes)
    )
    at = 0
    pitches = _pitches(rows)
    for number, size in enumerate(sizes):
        band = lines[at : at + size]
        if ruled and number > 0 and _is_one_row(band):
            yield list(band)
        else:
            yield from _wrapped(band, pitches[at : at + size])
        at += size


def _is_one_row(band: Sequence[RowCells]) -> bool:
    """Return whether the lines between two rules are one row: no column starts twice."""
    starts = [line for line in band if 0 in line]
    numbers = [line for line in band if sum(is_number(text) for _, text in line.values()) > 1]
    return len(starts) <= 1 or len(numbers) <= 1


def _pitches(rows: Sequence[Sequence[Segment]]) -> list[float]:
    middles = [hull(segment.box for segment in row).middle[1] for row in rows]
    return [0.0, *(below - above for above, below in pairwise(middles))]


def _wrapped(band: Sequence[RowCells], pitches: Sequence[float]) -> Iterator[list[RowCells]]:
    """Yield rows. A line without a first cell continues the row above if it is close to it."""
    group: list[RowCells] = []
    usual = median(pitches[1:]) if len(pitches) > 1 else 0.0
    for line, pitch in zip(band, pitches, strict=True):
        first = len(group) == 1 and line is band[1] and pitch <= 1.05 * usual
        if group and (
            _continues(group, line, pitch, usual) or (first and _begins_above(group[0], line))
        ):
            group.append(line)
            continue
        if group:
            yield group
        group = [line]
    if group:
        yield group


def _begins_above(above: RowCells, line: RowCells) -> bool:
    """Return whether *above* is the start of a cell of *line*, whose other cells are centred."""
    [(column, (_, _)), *others] = above.items()
    return not others and 0 in line and line.get(column, (0, ""))[1][:1].islower() and column > 0


def _continues(group: Sequence[RowCells], line: RowCells, pitch: float, usual: float) -> bool:
    above = {column for one in group for column in one}
    if not set(line) <= above or any(is_number(text) for _, text in line.values()):
        return False
    if 0 in line:
        return len(line) == 1 and line[0][1][:1].islower()
    return pitch <= 1.05 * usual and len(line) < max(map(len, group))


def _cells(number: int, group: Sequence[RowCells]) -> Iterator[Cell]:
    merged: RowCells = {}
    for line in group:
        for column, (wide, text) in line.items():
            if column in merged:
                merged[column] = (max(wide, merged[column][0]), f"{merged[column][1]} {text}")
            else:
                merged[column] = (wide, text)
    for column, (wide, text) in sorted(merged.items()):
        after = [other for other in merged if other > column]
        yield Cell(number, column, text, 1, min([wide, *(other - column for other in after)]))
