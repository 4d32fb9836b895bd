"""Puts the parts of a page in reading order by recursive cuts between columns and between rows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import Generic, Protocol, TypeVar

from secretary_documents.pdf.layout.model import Box, hull


class Placed(Protocol):
    """A part of a page with its place."""

    @property
    def box(self) -> Box:
        """The place on the page."""
        ...

    @property
    def index(self) -> float:
        """The place in the order of the file."""
        ...


Part = TypeVar("Part", bound=Placed)

# The narrowest space between columns, in points and in heights of a line.
_GUTTER_POINTS, _GUTTER_LINES = 6.0, 0.6
# A column has at least this height, in heights of a line.
_COLUMN_LINES = 2.2
# A space between rows of at least this height separates the columns above from those below.
_WIDE_ROW_LINES = 1.9
_DEEPEST = 40
# The order of the file is right for a column if it goes up by at most this number of lines, as in a
# formula.
_UP_LINES = 1.6
# Columns are the cells of rows if this share of their lines stands side by side, and if the lines
# of one column are narrower than this number of heights of a line.
_PAIRED, _TABULAR_LINES = 0.8, 6.0
# A gutter that parts cross: the fewest parts on the page and on each side; the least height of the
# columns, in lines and as a share of the parts that cross; its distance from the sides of the area.
_LEAST_BRIDGED, _LEAST_COLUMN_PARTS = 5, 2
_LEAST_SHARED, _LEAST_SHARE = 3.5, 0.35
_MARGIN, _LARGE_LINES = 0.12, 3
_MOST_PLACES, _MOST_SPLITS = 12, 6
# Lines stand side by side if their bottoms differ by less than this share of their height.
_SAME_BOTTOM = 0.3
# A page with more parts is a drawing. Its parts are sorted by rows only.
_MOST_PARTS = 1500


def reading_order(parts: Sequence[Part], line_height: float) -> list[list[Part]]:
    """Return *parts* as runs. A run is a part of one column, and its parts are in order.

    *line_height*: the usual height of a line on the page, in points.
    """
    if len(parts) > _MOST_PARTS:
        return [_sorted(parts, line_height)]
    return _Cutter[Part](line_height).cut(list(parts), 0)


class _Cutter(Generic[Part]):
    def __init__(self, line_height: float) -> None:
        self._line = line_height
        self._half = max(_GUTTER_POINTS, _GUTTER_LINES * line_height) / 2

    def cut(self, parts: list[Part], depth: int, gutter_at: float = 0.0) -> list[list[Part]]:
        """Return the runs of *parts*. *gutter_at*: where the area around has its gutter, or 0."""
        if len(parts) <= 1 or depth > _DEEPEST:
            return [_sorted(parts, self._line)] if parts else []
        columns = self._columns(parts) or self._known_columns(parts, gutter_at)
        rows, space = self._rows(parts)
        at = 0.0 if columns else self._bridged_gutter(parts)
        wide = space > _WIDE_ROW_LINES * self._line
        pieces: list[list[Part]] = []
        if rows and wide and (columns or at) and not (columns and space < columns[1]):
            pieces = rows
        elif columns:
            pieces = columns[0]
        elif at:
            pieces = self._bands(parts, at)
        if len(pieces) < 2:
            return [_sorted(parts, self._line)]
        inherited = at or gutter_at
        return [run for piece in pieces for run in self.cut(piece, depth + 1, inherited)]

    def _known_columns(self, parts: list[Part], at: float) -> tuple[list[list[Part]], float] | None:
        """Return *parts* left and right of the gutter *at*, even if they are low."""
        left, right, across = _sides(parts, at, self._half)
        if not at or across or not left or not right or self._is_tabular(left, right):
            return None
        return [left, right], 2 * self._half

    def _columns(self, parts: list[Part]) -> tuple[list[list[Part]], float] | None:
        """Return *parts* left and right of the widest free space, and its width."""
        splits = _splits(parts, lambda box: (box.left, box.right))
        wide = [split for split in splits if split[1] >= 2 * self._half]
        wide.sort(key=lambda split: -split[1])
        ordered = sorted(parts, key=lambda part: part.box.left)
        for index, space in wide[:_MOST_SPLITS]:
            before, after = ordered[:index], ordered[index:]
            if self._fits(before, after):
                return [before, after], space
        return None

    def _rows(self, parts: list[Part]) -> tuple[list[list[Part]], float]:
        """Return *parts* above and below the highest free space, and its height."""
        splits = _splits(parts, lambda box: (box.top, box.bottom))
        if not splits:
            return [], 0.0
        index, space = max(splits, key=lambda split: split[1])
        ordered = sorted(parts, key=lambda part: part.box.top)
        return [ordered[:index], ordered[index:]], space

    def _fits(self, before: Sequence[Part], after: Sequence[Part]) -> bool:
        """Return whether both sides are columns, and not the cells of rows."""
        for side in (before, after):
            box = hull(part.box for part in side)
            if box.height < _COLUMN_LINES * self._line:
                return False
        return not self._is_tabular(before, after)

    def _is_tabular(self, before: Sequence[Part], after: Sequence[Part]) -> bool:
        """Return whether short lines on one side stand at the height of lines on the other side."""
        fewer, more = sorted((before, after), key=len)
        if _paired(fewer, more) < _PAIRED * len(fewer):
            return False
        narrow = min(median(part.box.width for part in side) for side in (before, after))
        return narrow < _TABULAR_LINES * self._line

    def _bridged_gutter(self, parts: list[Part]) -> float:
        """Return where *parts* have a gutter that some of them cross; 0 if there is none."""
        if len(parts) < _LEAST_BRIDGED:
            return 0.0
        area = hull(part.box for part in parts)
        half = self._half
        edges = {round(part.box.right) for part in parts}
        places = [
            edge + half
            for edge in edges
            if area.left + _MARGIN * area.width < edge < area.right - _MARGIN * area.width
        ]
        places = [at for at in places if self._is_between(parts, at, half)]
        places = sorted(places, key=lambda at: _bridged_height(parts, at))[:_MOST_PLACES]
        worths = [(self._worth(parts, at, half), at) for at in places]
        worth, at = max(worths, default=(0.0, 0.0))
        return at if worth > 0 else 0.0

    def _is_between(self, parts: Sequence[Part], at: float, half: float) -> bool:
        """Return whether enough parts are on both sides of *at*."""
        left = sum(part.box.right <= at - half + 1 for part in parts)
        right = sum(part.box.left >= at + half - 1 for part in parts)
        return min(left, right) >= _LEAST_COLUMN_PARTS

    def _worth(self, parts: Sequence[Part], at: float, half: float) -> float:
        """Return how much *at* is a gutter: the height of columns beside it; 0 if it is none."""
        left, right, across = _sides(parts, at, half)
        if min(len(left), len(right)) < _LEAST_COLUMN_PARTS or self._is_tabular(left, right):
            return 0.0
        bridged = _covered([part.box for part in across])
        shared = _overlap(_covered_by(left), _covered_by(right))
        shared = [span for span in shared if not _crossed(span, bridged)]
        height = sum(bottom - top for top, bottom in shared)
        most = _LARGE_LINES * self._line  # a large picture or table counts as a few lines
        bridged_height = sum(min(bottom - top, most) for top, bottom in bridged)
        if height < _LEAST_SHARED * self._line or height < _LEAST_SHARE * bridged_height:
            return 0.0
        return height - bridged_height / 2

    def _bands(self, parts: Sequence[Part], at: float) -> list[list[Part]]:
        """Return bands of *parts*: some with two columns, others with parts across both."""
        left, right, across = _sides(parts, at, self._half)
        if not across:
            return [left, right]
        chosen = {id(part) for part in across}
        bands: list[tuple[bool, list[Part]]] = []
        for part in sorted(parts, key=lambda part: part.box.middle[1]):
            bridges = id(part) in chosen
            if not bands or bands[-1][0] != bridges:
                bands.append((bridges, []))
            bands[-1][1].append(part)
        return [band for _, band in bands]


def _sides(
    parts: Sequence[Part], at: float, half: float
) -> tuple[list[Part], list[Part], list[Part]]:
    """Return the parts left of the gutter at *at*, right of it, and across it."""
    left = [part for part in parts if part.box.right <= at - half + 1]
    right = [part for part in parts if part.box.left >= at + half - 1]
    beside = {id(part) for part in (*left, *right)}
    return left, right, [part for part in parts if id(part) not in beside]


def _bridged_height(parts: Sequence[Part], at: float) -> float:
    return sum(part.box.height for part in parts if part.box.left < at < part.box.right)


def _covered_by(parts: Sequence[Part]) -> list[tuple[float, float]]:
    return _covered([part.box for part in parts])


def _covered(boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """Return the heights that *boxes* cover, as intervals that do not overlap."""
    merged: list[tuple[float, float]] = []
    for top, bottom in sorted((box.top, box.bottom) for box in boxes):
        if merged and top <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], bottom))
        else:
            merged.append((top, bottom))
    return merged


def _overlap(
    one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    found = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return [(top, bottom) for top, bottom in found if bottom > top]


def _crossed(span: tuple[float, float], bridged: Sequence[tuple[float, float]]) -> bool:
    return any(top < span[1] - 1 and bottom > span[0] + 1 for top, bottom in bridged)


def _splits(
    parts: Sequence[Part], interval: Callable[[Box], tuple[float, float]]
) -> list[tuple[int, float]]:
    """Return each free space between sorted *parts*: how many are before it, and its size."""
    ordered = sorted(interval(part.box) for part in parts)
    splits = []
    end = ordered[0][1]
    for index, (start, stop) in enumerate(ordered[1:], start=1):
        if start > end:
            splits.append((index, start - end))
        end = max(end, stop)
    return splits


def _paired(fewer: Sequence[Part], more: Sequence[Part]) -> int:
    """Return how many of *fewer* have the same bottom as one of *more*."""
    bottoms = sorted(part.box.bottom for part in more)
    count = 0
    for part in fewer:
        near = _SAME_BOTTOM * part.box.height
        at = bisect_left(bottoms, part.box.bottom - near)
        count += at < len(bottoms) and bottoms[at] <= part.box.bottom + near
    return count


def _sorted(parts: Sequence[Part], line_height: float) -> list[Part]:
    """Return *parts* of one column in the order of the file if it runs down, else by rows."""
    by_file = sorted(parts, key=lambda part: part.index)
    if all(
        after.box.middle[1] > before.box.middle[1] - _UP_LINES * line_height
        for before, after in pairwise(by_file)
    ):
        return by_file
    rows: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.box.middle[1]):
        middle = part.box.middle[1]
        if rows and rows[-1][-1].box.top < middle < rows[-1][-1].box.bottom:
            rows[-1].append(part)
        else:
            rows.append([part])
    return [part for row in rows for part in sorted(row, key=lambda part: part.box.left)]
