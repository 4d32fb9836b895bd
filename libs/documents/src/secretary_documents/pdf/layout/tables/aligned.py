"""Finds tables in the lines of a column that have no rules: rows with aligned cells."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from secretary_documents.pdf.layout.model import Line, Table, Word, hull
from secretary_documents.pdf.layout.paragraph import baselines_of
from secretary_documents.pdf.layout.tables.copies import without_copies
from secretary_documents.pdf.layout.tables.leftover import words_in
from secretary_documents.pdf.layout.tables.open import table_of_rows
from secretary_documents.pdf.layout.tables.text import is_number, rows_of_words, segments_of

# The parts of a formula stand in rows and columns too.
_FORMULA = re.compile("[=\u2211\u220f\u222b\u221a\u21d2\u21d4\u2192\u2208\u2286\u2200\u2203\ufffd]")
_FORMULA_SHARE = 0.15
_LEAST_ROWS = 3
_SAME_EDGE = 2.0
_LEAST_FILLED = 0.55
"""The share of the places of a table that have text. The numbers in a chart fill fewer."""


def split_tables(lines: Sequence[Line], words: Sequence[Word]) -> Iterator[list[Line] | Table]:
    """Yield the *lines* of a column in order, with rows of aligned cells as tables."""
    rest: list[list[Line]] = []
    run: list[list[Line]] = []
    for row in baselines_of(lines):
        if len(row) > 1:
            run.append(row)
            continue
        yield from _ended(run, rest, words, lines)
        run = []
        rest.append(row)
    yield from _ended(run, rest, words, lines)
    if rest:
        yield _in_order(rest, lines)


def _in_order(rows: Sequence[Sequence[Line]], lines: Sequence[Line]) -> list[Line]:
    """Return the lines of *rows* in the order of *lines*."""
    chosen = {id(line) for row in rows for line in row}
    return [line for line in lines if id(line) in chosen]


def _ended(
    run: list[list[Line]],
    rest: list[list[Line]],
    words: Sequence[Word],
    lines: Sequence[Line],
) -> Iterator[list[Line] | Table]:
    if len(run) < _LEAST_ROWS:
        rest.extend(run)
        return
    above = rest[-1:] if rest and _is_head(rest[-1], run, words) else []
    table = _table_of([*above, *run], words)
    if not table:
        rest.extend(run)
        return
    if before := _in_order(rest[: len(rest) - len(above)], lines):
        yield before
    rest.clear()
    yield table


def _is_head(row: Sequence[Line], run: Sequence[Sequence[Line]], words: Sequence[Word]) -> bool:
    """Return whether the *row* above a table is its head: a word begins above each column."""
    box = hull(line.box for line in row)
    inside = [word for word in words if box.wider(1).holds(word.box.middle)]
    if not inside or run[0][0].box.top - box.bottom > 2 * box.height:
        return False
    if len(segments_of(inside)) == max(len(one) for one in run):
        return True
    return all(
        any(abs(word.box.left - line.box.left) <= _SAME_EDGE for word in inside) for line in run[0]
    )


def _words_of(run: Sequence[Sequence[Line]], words: Sequence[Word]) -> list[Word]:
    """Return those of *words* that are in the lines of *run*."""
    ordered = sorted(words, key=lambda word: word.box.middle[1])
    heights = [word.box.middle[1] for word in ordered]
    chosen: set[int] = set()
    for row in run:
        boxes = [line.box.wider(1) for line in row]
        first = bisect_left(heights, min(box.top for box in boxes))
        last = bisect_right(heights, max(box.bottom for box in boxes))
        near = ordered[first:last]
        chosen.update(id(w) for w in near if any(box.holds(w.box.middle) for box in boxes))
    return [word for word in words if id(word) in chosen]


def _table_of(run: Sequence[list[Line]], words: Sequence[Word]) -> Table | None:
    box = hull(line.box for row in run for line in row)
    inside = _words_of(run, words_in(words, box))
    if not inside:
        return None
    inside = without_copies(inside, lambda word: word.box.height)
    rows = rows_of_words(inside)
    texts = [segment.text for row in rows for segment in segments_of(row)]
    numbers = sum(is_number(text) for text in texts) / len(texts)
    if sum(map(bool, map(_FORMULA.search, texts))) > _FORMULA_SHARE * len(texts):
        return None
    table = table_of_rows([rows], box)
    if table is None or len(table.cells) < _LEAST_FILLED * table.rows * table.columns:
        return None
    if table.columns == 2 and numbers < 0.3:
        return None
    if table.columns > 2 and numbers < 0.1 and len(run) < 4:
        return None
    return table
