"""Finds the rows without a colour in tables whose other rows are coloured. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.layout.tables.text import rows_of_words

_SAME_EDGE = 2.5
"""The sides of cells are at most this many points apart if they are the same."""
_HIGHEST = 1.8
"""A row without a colour is at most this number of times as high as the highest coloured row."""
_LEAST_SPACE = 0.4
"""Some words in two columns have at least this number of heights between them."""

_Row = list[Box]
"""The coloured cells of one row, from the left."""


def plain_cells(shaded: Sequence[Box], words: Sequence[Word]) -> list[Box]:
    """Return the cells of the rows without a colour between the *shaded* cells of tables.

    The row above the first coloured one and the row below the last have cells too, if their words
    stand in the same columns.
    """
    return [cell for stack in _stacks(shaded) for cell in _between(stack, words)]


def _stacks(shaded: Sequence[Box]) -> list[list[_Row]]:
    """Return the rows of shaded cells with the same columns and little space between them."""
    stacks: list[list[_Row]] = []
    for row in rows_side_by_side(shaded):
        for stack in stacks:
            if have_same_columns(stack[-1], row) and _are_near(stack[-1], row):
                stack.append(row)
                break
        else:
            stacks.append([row])
    return [stack for stack in stacks if len(stack) > 1]


def rows_side_by_side(boxes: Sequence[Box]) -> list[_Row]:
    """Return the rows of at least two boxes that touch side by side, from the top."""
    rows: list[_Row] = []
    for cell in sorted(boxes, key=lambda box: (round(box.top), box.left)):
        last = rows[-1][-1] if rows else None
        if last and _is_beside(last, cell):
            rows[-1].append(cell)
        else:
            rows.append([cell])
    return [row for row in rows if len(row) > 1]


def _is_beside(last: Box, cell: Box) -> bool:
    return (
        abs(last.top - cell.top) < _SAME_EDGE
        and abs(last.bottom - cell.bottom) < _SAME_EDGE
        and abs(last.right - cell.left) < _SAME_EDGE
    )


def have_same_columns(above: Sequence[Box], row: Sequence[Box]) -> bool:
    """Return whether the boxes of both rows have the same left and right sides."""
    return len(above) == len(row) and all(
        abs(one.left - other.left) < _SAME_EDGE and abs(one.right - other.right) < _SAME_EDGE
        for one, other in zip(above, row, strict=True)
    )


def _are_near(above: _Row, row: _Row) -> bool:
    highest = max(above[0].height, row[0].height)
    return -_SAME_EDGE < row[0].top - above[0].bottom <= _HIGHEST * highest


def _between(stack: Sequence[_Row], words: Sequence[Word]) -> Iterator[Box]:
    """Yield the cells between, above and below the rows of *stack*."""
    gaps = [
        (above[0].bottom, row[0].top)
        for above, row in pairwise(stack)
        if row[0].top - above[0].bottom > _SAME_EDGE
    ]
    if not gaps:
        return
    height = median(bottom - top for top, bottom in gaps)
    first, last = stack[0][0].top, stack[-1][0].bottom
    edges = [(first - height, first), (last, last + height)]
    columns = [(cell.left, cell.right) for cell in stack[0]]
    for top, bottom in [*gaps, *(edge for edge in edges if _has_row(columns, *edge, words))]:
        for left, right in columns:
            yield Box(left, top, right, bottom)


def _has_row(
    columns: Sequence[tuple[float, float]], top: float, bottom: float, words: Sequence[Word]
) -> bool:
    """Return whether the words from *top* to *bottom* stand in several *columns*."""
    area = Box(columns[0][0], top, columns[-1][1], bottom)
    rows = rows_of_words(word for word in words if area.holds(word.box.middle))
    filled = [filled_columns(row, columns) for row in rows]
    return all(filled) and len(set().union(*filled)) > 1


def filled_columns(row: Sequence[Word], columns: Sequence[tuple[float, float]]) -> set[int]:
    """Return in which *columns* the words of *row* stand; none if they do not stand in columns."""
    homes = [_column_of(word.box, columns) for word in row]
    spaces = [
        after.box.left - before.box.right
        for (before, home), (after, next_home) in pairwise(zip(row, homes, strict=True))
        if home != next_home
    ]
    filled = {home for home in homes if home is not None}
    prose = len(row) > len(filled) and max(spaces, default=0) < _LEAST_SPACE * row[0].box.height
    return set() if None in homes or (prose and len(filled) > 1) else filled


def _column_of(box: Box, columns: Sequence[tuple[float, float]]) -> int | None:
    for at, (left, right) in enumerate(columns):
        if left - _SAME_EDGE < box.left and box.right < right + _SAME_EDGE:
            return at
    return None
