"""Divides the area of a ruled table into cells, and puts the words into them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

from secretary_documents.pdf.layout.model import Box, Cell, Table, Word
from secretary_documents.pdf.layout.tables.text import (
    is_number,
    rows_of_words,
    segments_of,
    text_of,
)

TOUCH = 3.0
"""Rules that are at most this many points apart touch each other."""
MOST_RULES = 1500
"""More rules on one page are a drawing."""
_WALL_SHARE = 0.55
"""The share of a cell's side that a rule must cover to be its wall."""
_LEAST_FILLED, _USUALLY_FILLED = 0.25, 0.4
_OPEN_ROWS = 3
_LONGEST_CELL = 900
"""A cell with more characters is a column of text in a frame."""
# A cell with several rows of text is divided if at least this share of the rows is filled.
_ROW_FILLED = 0.75


class RuledGrid:
    """The places between the rules of one table."""

    def __init__(
        self, xs: list[float], ys: list[float], across: list[Box], upright: list[Box]
    ) -> None:
        self._xs, self._ys = xs, ys
        # The rules at each line of the grid, so that each wall is looked for among few rules.
        self._across = [[r for r in across if abs(r.top - y) <= TOUCH] for y in ys]
        self._upright = [[r for r in upright if abs(r.left - x) <= TOUCH] for x in xs]

    def table(self, box: Box, words: Sequence[Word]) -> Table | None:
        """Return the table with *words* in its cells; None if it is a frame or a picture."""
        owners = self._owners(words)
        places: defaultdict[tuple[int, int], list[Word]] = defaultdict(list)
        for word in words:
            x, y = word.box.middle
            place = (_index(self._ys, y), _index(self._xs, x))
            places[owners.get(place, place)].append(word)
        if any(self._is_open(owner, owners, found) for owner, found in places.items()):
            return None
        cells = self._cells(owners, places)
        cells, rows, columns = _compact(cells)
        filled = sum(bool(text) for *_, text in cells)
        if rows * columns < 2 or filled < max(2, _LEAST_FILLED * len(cells)):
            return None
        if columns == 1 and (rows < 3 or filled < rows):
            return None
        if max(len(text) for *_, text in cells) > _LONGEST_CELL:
            return None
        sparse = filled <= max(rows, columns) or filled < _USUALLY_FILLED * len(cells)
        if columns > 1 and sparse and not _has_labels(cells, rows, columns):
            return None
        made = tuple(Cell(r, c, text, down, wide) for r, c, down, wide, text in cells)
        return Table(box, rows, columns, made)

    def _is_open(
        self,
        owner: tuple[int, int],
        owners: dict[tuple[int, int], tuple[int, int]],
        words: Sequence[Word],
    ) -> bool:
        """Return whether a cell over several columns has columns without rules between them."""
        columns = {place[1] for place, first in owners.items() if first == owner}
        if len(columns) < 2:
            return False
        rows = rows_of_words(words)
        several = sum(len(segments_of(row)) > 1 for row in rows)
        return len(rows) >= _OPEN_ROWS and several >= 0.8 * len(rows)

    def _cells(
        self,
        owners: dict[tuple[int, int], tuple[int, int]],
        places: dict[tuple[int, int], list[Word]],
    ) -> list[tuple[int, int, int, int, str]]:
        spans: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for place, owner in owners.items():
            spans[owner].append(place)
        rows = range(len(self._ys) - 1)
        here = [sorted(owner for owner in spans if owner[0] == row) for row in rows]
        parts = [self._divided(owners, spans, places) for owners in here]
        heights = [max(len(one), 1) for one in parts]
        cells: list[tuple[int, int, int, int, str]] = []
        for row in rows:
            start = sum(heights[:row])
            for owner in here[row]:
                end = 1 + max(place[0] for place in spans[owner])
                wide = 1 + max(place[1] for place in spans[owner]) - owner[1]
                if not parts[row]:
                    down = sum(heights[row:end])
                    cells.append((start, owner[1], down, wide, text_of(places.get(owner, []))))
                for number, part in enumerate(parts[row]):
                    text = text_of(part.get(owner, []))
                    cells.append((start + number, owner[1], 1, wide, text))
        return cells

    def _divided(
        self,
        owners: Sequence[tuple[int, int]],
        spans: dict[tuple[int, int], list[tuple[int, int]]],
        places: dict[tuple[int, int], list[Word]],
    ) -> list[dict[tuple[int, int], list[Word]]]:
        """Return the rows of text of one row of cells, if each is a row of the table."""
        if len(owners) < 2 or any(len({place[0] for place in spans[one]}) > 1 for one in owners):
            return []
        home = {id(word): owner for owner in owners for word in places.get(owner, ())}
        rows = rows_of_words(word for owner in owners for word in places.get(owner, ()))
        if len(rows) < 3:
            return []
        parts: list[dict[tuple[int, int], list[Word]]] = []
        for row in rows:
            part: defaultdict[tuple[int, int], list[Word]] = defaultdict(list)
            for word in row:
                part[home[id(word)]].append(word)
            parts.append(part)
        filled = sum(len(part) for part in parts) / (len(parts) * len(owners))
        numbers = sum(is_number(text_of(words)) for part in parts for words in part.values()) / max(
            sum(len(part) for part in parts), 1
        )
        return parts if filled >= _ROW_FILLED and numbers >= 0.3 else []

    def _owners(self, words: Sequence[Word]) -> dict[tuple[int, int], tuple[int, int]]:
        """Return for each place of the grid the first place of its cell."""
        rows, columns = len(self._ys) - 1, len(self._xs) - 1
        places = list(product(range(rows), range(columns)))
        parent = {place: place for place in places}

        def root(place: tuple[int, int]) -> tuple[int, int]:
            while parent[place] != place:
                place = parent[place]
            return place

        for row, column in places:
            if column + 1 < columns and not self._has_upright(row, column + 1):
                _join(parent, root((row, column)), root((row, column + 1)))
            if row + 1 < rows and not self._has_across(row + 1, column):
                _join(parent, root((row, column)), root((row + 1, column)))
        members: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for place in places:
            members[root(place)].append(place)
        owners: dict[tuple[int, int], tuple[int, int]] = {}
        for group in members.values():
            whole = _is_rectangle(group) and not self._is_apart(group, words)
            owners |= {place: min(group) if whole else place for place in group}
        return owners

    def _is_apart(self, group: Sequence[tuple[int, int]], words: Sequence[Word]) -> bool:
        """Return whether a cell over several columns has texts that the columns separate."""
        columns = sorted({column for _, column in group})
        rows = sorted({row for row, _ in group})
        if len(columns) < 2:
            return False
        low, high = self._ys[rows[0]], self._ys[rows[-1] + 1]
        left, right = self._xs[columns[0]], self._xs[columns[-1] + 1]
        box = Box(left, low, right, high)
        inside = [word for word in words if box.holds(word.box.middle)]
        return bool(inside) and all(_separates(self._xs[column], inside) for column in columns[1:])

    def _has_upright(self, row: int, column: int) -> bool:
        top, bottom = self._ys[row], self._ys[row + 1]
        spans = ((rule.top, rule.bottom) for rule in self._upright[column])
        return _cover(spans, top, bottom) >= _WALL_SHARE * (bottom - top)

    def _has_across(self, row: int, column: int) -> bool:
        left, right = self._xs[column], self._xs[column + 1]
        spans = ((rule.left, rule.right) for rule in self._across[row])
        return _cover(spans, left, right) >= _WALL_SHARE * (right - left)


def _separates(x: float, words: Sequence[Word]) -> bool:
    """Return whether *x* is inside a wide space between words that are left and right of it."""
    left = [word.box.right for word in words if word.box.middle[0] < x]
    right = [word.box.left for word in words if word.box.middle[0] > x]
    height = words[0].box.height
    return (
        bool(left and right)
        and max(left) < x < min(right)
        and (min(right) - max(left) > 0.8 * height)
    )


def _has_labels(cells: Sequence[tuple[int, int, int, int, str]], rows: int, columns: int) -> bool:
    """Return whether the first row and the first column are filled, as in a form to fill in."""
    head = sum(wide for row, _, _, wide, text in cells if row == 0 and text)
    side = sum(down for _, column, down, _, text in cells if column == 0 and text)
    return head >= columns - 1 and side >= rows - 1


def _join(
    parent: dict[tuple[int, int], tuple[int, int]], one: tuple[int, int], other: tuple[int, int]
) -> None:
    first, second = min(one, other), max(one, other)
    parent[second] = first


def _is_rectangle(places: Sequence[tuple[int, int]]) -> bool:
    rows, columns = {place[0] for place in places}, {place[1] for place in places}
    return len(places) == len(rows) * len(columns)


def _cover(spans: Iterable[tuple[float, float]], low: float, high: float) -> float:
    covered, end = 0.0, low
    for start, stop in sorted(spans):
        shown = min(stop, high) - max(start, end)
        if shown > 0:
            covered += shown
            end = min(stop, high)
    return covered


def _index(edges: Sequence[float], value: float) -> int:
    for index in range(len(edges) - 1):
        if value < edges[index + 1]:
            return index
    return len(edges) - 2


def _compact(
    cells: Sequence[tuple[int, int, int, int, str]],
) -> tuple[list[tuple[int, int, int, int, str]], int, int]:
    """Return *cells* without rows and columns in which no text begins."""
    used_rows = sorted({row for row, _, _, _, text in cells if text})
    used_columns = sorted({column for _, column, _, _, text in cells if text})
    row_at = {row: index for index, row in enumerate(used_rows)}
    column_at = {column: index for index, column in enumerate(used_columns)}
    compact = []
    for row, column, down, wide, text in cells:
        kept_rows = [one for one in range(row, row + down) if one in row_at]
        kept_columns = [one for one in range(column, column + wide) if one in column_at]
        if kept_rows and kept_columns:
            at = (row_at[kept_rows[0]], column_at[kept_columns[0]])
            compact.append((*at, len(kept_rows), len(kept_columns), text))
    return compact, len(used_rows), len(used_columns)
