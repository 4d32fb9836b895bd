"""Finds the columns of a table from its rows, and puts the words of a row into them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.layout.tables.text import Segment, segment_of

RowCells = dict[int, tuple[int, str]]
"""The cells of a row by column: over how many columns each reaches, and its text."""

_SAME_EDGE = 2.0
_FULL_SHARE = 0.75
"""Rows with this share of the most cells show the columns best, because they have no spans."""
_GUTTER = 3.5
"""The least space between columns, in points."""
_CROSSING = 0.12
"""The share of rows that may cross the space between two columns, as titles do."""
_BELOW_HEAD = 0.6
_CROSSABLE = 5
"""From this number of rows on, one row may always cross."""


def columns_of(rows: Sequence[Sequence[Segment]]) -> list[tuple[float, float]]:
    """Return the left and right edges of the columns, from the spaces that few rows cross."""
    most = max(len(row) for row in rows)
    fullest = [row for row in rows if len(row) >= _FULL_SHARE * most]
    columns = _covered(fullest, 0)
    if len(columns) >= most and len(fullest) > 1:
        return columns
    full = [row for row in rows if len(row) > max(1, 0.34 * most)]
    allowed = max(int(_CROSSING * len(full)), int(len(full) >= _CROSSABLE))
    columns = _covered(full, allowed)
    return columns if len(columns) >= most else _divided_by_head(rows, columns)


def _divided_by_head(
    rows: Sequence[Sequence[Segment]], columns: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return *columns* divided where most rows have a word below another part of the first row."""
    if len(rows) < _CROSSABLE:
        return list(columns)
    words = [word.box.left for row in rows for segment in row for word in segment.words]
    divided: list[tuple[float, float]] = []
    for left, right in columns:
        heads = [one.box.left for one in rows[0] if left <= one.box.middle[0] <= right][1:]
        starts = [
            head
            for head in heads
            if sum(abs(word - head) <= _SAME_EDGE for word in words) >= _BELOW_HEAD * len(rows)
        ]
        ends = [start - _GUTTER for start in starts]
        divided += zip([left, *starts], [*ends, right], strict=True)
    return divided


def _covered(rows: Sequence[Sequence[Segment]], allowed: int) -> list[tuple[float, float]]:
    """Return the intervals that more than *allowed* of *rows* cover."""
    events = sorted(
        [(segment.box.left, 1) for row in rows for segment in row]
        + [(segment.box.right, -1) for row in rows for segment in row]
    )
    columns: list[tuple[float, float]] = []
    depth, start = 0, 0.0
    for x, step in events:
        if depth <= allowed < depth + step:
            near = columns and x - columns[-1][1] < _GUTTER
            start = columns.pop()[0] if near else x
        elif depth > allowed >= depth + step:
            columns.append((start, x))
        depth += step
    return columns


def cells_by_column(row: Sequence[Segment], columns: Sequence[tuple[float, float]]) -> RowCells:
    """Return the cells of a row by column: over how many columns, and the text."""
    cells: RowCells = {}
    for segment in (part for whole in row for part in _divided(whole, columns)):
        touched = _touched(segment.box, columns)
        first = touched[0] if touched else _nearest(segment, columns)
        wide = touched[-1] - first + 1 if touched else 1
        if first in cells:
            cells[first] = (cells[first][0], f"{cells[first][1]} {segment.text}")
        else:
            cells[first] = (wide, segment.text)
    return cells


def _touched(box: Box, columns: Sequence[tuple[float, float]]) -> list[int]:
    return [
        index
        for index, (left, right) in enumerate(columns)
        if min(right, box.right) - max(left, box.left) > 0.25 * min(right - left, box.width)
    ]


def _divided(segment: Segment, columns: Sequence[tuple[float, float]]) -> list[Segment]:
    """Return *segment* divided where the space between two columns is a space between words.

    A head is often wider than the cells below, so the left edges of columns divide it too.
    """
    spaces = [(right, left) for (_, right), (left, _) in pairwise(columns)]
    edges = [left for left, _ in columns[1:]]
    starts = [word for word in segment.words[1:] if _is_near(word.box.left, edges)]
    parts: list[list[Word]] = [[segment.words[0]]]
    for word in segment.words[1:]:
        end = parts[-1][-1].box.right
        between = any(end <= right + 1 and left - 1 <= word.box.left for right, left in spaces)
        if between or (len(starts) > 1 and word in starts):
            parts.append([])
        parts[-1].append(word)
    return [segment_of(part) for part in parts]


def _is_near(x: float, edges: Sequence[float]) -> bool:
    return any(abs(edge - x) <= _SAME_EDGE for edge in edges)


def _nearest(segment: Segment, columns: Sequence[tuple[float, float]]) -> int:
    x = segment.box.middle[0]
    distances = [min(abs(left - x), abs(right - x)) for left, right in columns]
    return distances.index(min(distances))
