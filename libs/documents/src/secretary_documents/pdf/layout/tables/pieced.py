"""Finds tables whose horizontal rules are drawn in pieces, one for each column. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from secretary_documents.pdf.layout.model import Box, Table, Word, hull
from secretary_documents.pdf.layout.tables.leftover import words_in, words_outside
from secretary_documents.pdf.layout.tables.open import table_in_columns
from secretary_documents.pdf.layout.tables.striped import (
    filled_columns,
    have_same_columns,
    rows_side_by_side,
)
from secretary_documents.pdf.layout.tables.text import rows_of_words

_LEAST_COLUMNS = 3
_MOST_PIECES = 3000
"""A page with more pieces of rules is a drawing."""
_FARTHEST = 2.2
"""The lines of a table are at most this number of heights apart."""


def pieced_tables(across: Sequence[Box], words: Sequence[Word]) -> list[Table]:
    """Return the tables with at least two rules that are divided at the same columns.

    The lines above the first rule and below the last belong to the table as long as their words
    stand in its columns.
    """
    if not 2 * _LEAST_COLUMNS <= len(across) <= _MOST_PIECES:
        return []
    stacks: list[list[Sequence[Box]]] = []
    for rule in rows_side_by_side(across):
        for stack in stacks:
            if have_same_columns(stack[0], rule):
                stack.append(rule)
                break
        else:
            stacks.append([rule])
    divided = [stack for stack in stacks if len(stack) > 1 and len(stack[0]) >= _LEAST_COLUMNS]
    tables: list[Table] = []
    for stack in divided:
        if table := _table(stack, words_outside(words, tables)):
            tables.append(table)
    return tables


def _table(rules: Sequence[Sequence[Box]], words: Sequence[Word]) -> Table | None:
    columns = [(piece.left, piece.right) for piece in rules[0]]
    ys = [rule[0].top for rule in rules]
    left, right = columns[0][0] - 2, columns[-1][1] + 2
    edges = [edge for edge, _ in columns[1:]]
    rows = rows_of_words(
        part
        for word in words
        if left <= word.box.middle[0] <= right
        for part in _divided(word, edges)
    )
    inside = [row for row in rows if ys[0] < _middle(row) < ys[-1]]
    if not inside or not all(filled_columns(row, columns) for row in inside):
        return None
    above = _near([row for row in reversed(rows) if _middle(row) <= ys[0]], columns, ys[0])
    below = _near([row for row in rows if _middle(row) >= ys[-1]], columns, ys[-1])
    bands = [above[::-1]]
    bands += [[row for row in inside if y < _middle(row) < end] for y, end in pairwise(ys)]
    bands = [band for band in (*bands, below) if band]
    found = [word.box for band in bands for row in band for word in row]
    box = hull((*rules[0], *rules[-1], *found))
    if len(words_in((word for row in rows for word in row), box)) > len(found):
        return None  # another text stands between the rows
    return table_in_columns(bands, columns, box)


def _divided(word: Word, edges: Sequence[float]) -> list[Word]:
    """Return *word*, divided if it is the texts of two cells without a space between them."""
    left, top, right, bottom = word.box
    for edge in edges:
        if not left + 2 < edge < right - 2:
            continue
        at = round((edge - left) / word.box.width * len(word.text))
        for place in (at, at - 1, at + 1):
            before, after = word.text[:place], word.text[place:]
            if before[-1:].islower() and (after[:1].isupper() or after[:1].isdigit()):
                first = Word(Box(left, top, edge, bottom), before)
                return [first, *_divided(Word(Box(edge, top, right, bottom), after), edges)]
    return [word]


def _middle(row: Sequence[Word]) -> float:
    return hull(word.box for word in row).middle[1]


def _near(
    rows: Sequence[list[Word]], columns: Sequence[tuple[float, float]], start: float
) -> list[list[Word]]:
    """Return the first of *rows*, from *start* on, that stand in several of the *columns*."""
    near: list[list[Word]] = []
    for row in rows:
        middle = _middle(row)
        if (
            abs(middle - start) > _FARTHEST * row[0].box.height
            or len(filled_columns(row, columns)) < 2
        ):
            break
        near.append(row)
        start = middle
    return near
