"""Finds tables between horizontal rules, without vertical ones."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import median

from secretary_documents.pdf.layout.model import Box, Cell, Table, Word, hull
from secretary_documents.pdf.layout.tables.grid import MOST_RULES
from secretary_documents.pdf.layout.tables.leftover import words_in, words_outside
from secretary_documents.pdf.layout.tables.open import table_of_rows
from secretary_documents.pdf.layout.tables.text import rows_of_words, text_of

_SAME_EDGE = 8.0
"""Rules of one table start and end within this many points."""
_JOIN_RULES = 14.0
"""Pieces of one rule are at most this many points apart."""
_LEAST_WIDTH = 60.0
_NEAR = 2.0
"""Words that are at most this many points outside of the rules are looked at."""
_MOST_TRIED = 200_000
"""The most words of all tries of a page together. The rules of more tries are a pattern."""
_BARS = 3
# A column below a head has at least this number of lines, with at most this number of words.
_LEAST_BELOW, _MOST_WORDS = 3, 3


def tables_between_rules(
    across: Sequence[Box], boxes: Sequence[Box], words: Sequence[Word]
) -> list[Table]:
    """Return the tables that have horizontal rules above, below and perhaps between their rows.

    *boxes*: the coloured boxes of the page. Several narrow ones are the bars of a chart.
    """
    search = _Search(words)
    for group in _groups(_whole_rules(across)):
        area = hull(group)
        bars = [box for box in boxes if area.holds(box.middle) and box.width < 0.4 * area.width]
        if len(bars) < _BARS:
            search.look_between(group)
    return search.tables


class _Search:
    """The search for the tables between rules on one page."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.tables: list[Table] = []
        self._left = sorted(words, key=_height_of)
        """The words that no table has, from the top."""
        self._tries = _MOST_TRIED

    def look_between(self, rules: Sequence[Box]) -> None:
        """Find the tables between *rules*, which have the same ends. The highest ones count."""
        start = 0
        while start < len(rules) - 1:
            for end in range(len(rules) - 1, start, -1):
                if table := self._try(rules[start : end + 1]):
                    self.tables.append(table)
                    self._left = words_outside(self._left, [table])
                    start = end
                    break
            else:
                start += 1

    def _try(self, rules: Sequence[Box]) -> Table | None:
        first = bisect_left(self._left, rules[0].top - _NEAR, key=_height_of)
        end = bisect_right(self._left, rules[-1].top + _NEAR, key=_height_of)
        self._tries -= end - first
        return _table_within(rules, self._left[first:end]) if self._tries > 0 else None


def _height_of(word: Word) -> float:
    return word.box.middle[1]


def _whole_rules(across: Sequence[Box]) -> list[Box]:
    """Return *across* with the pieces of one rule joined; none if there are too many."""
    rules: list[Box] = []
    for rule in sorted(across, key=lambda rule: (round(rule.top / 2), rule.left)):
        last = rules[-1] if rules else None
        if last and abs(last.top - rule.top) <= 2 and rule.left - last.right <= _JOIN_RULES:
            rules[-1] = Box(last.left, last.top, max(last.right, rule.right), last.bottom)
        else:
            rules.append(rule)
    wide = [rule for rule in rules if rule.width >= _LEAST_WIDTH]
    return wide if len(wide) <= MOST_RULES else []


def _groups(rules: Sequence[Box]) -> list[list[Box]]:
    """Return the rules with the same ends, from the top, without repeated ones."""
    groups: list[list[Box]] = []
    for rule in sorted(rules, key=lambda rule: rule.top):
        for group in groups:
            first = group[0]
            if max(abs(first.left - rule.left), abs(first.right - rule.right)) <= _SAME_EDGE:
                if rule.top - group[-1].top > 3:
                    group.append(rule)
                break
        else:
            groups.append([rule])
    return [group for group in groups if len(group) > 1]


def _table_within(rules: Sequence[Box], words: Sequence[Word]) -> Table | None:
    box = hull(rules)
    inside = words_in(words, box)
    if len(inside) < 4:
        return None
    while len(more := words_in(words, wide := _widened(box, inside))) > len(inside):
        inside, box = more, wide
    inner = [rule.top for rule in rules[1:-1]]
    bands: list[list[Word]] = [[] for _ in rules[1:]]
    for word in inside:
        bands[bisect_right(inner, word.box.middle[1])].append(word)
    rows = [rows_of_words(band) for band in bands if band]
    return table_of_rows(rows, wide) or _one_column(rows, wide)


def _widened(box: Box, words: Sequence[Word]) -> Box:
    """Return *box* so wide that it holds *words*, but not higher."""
    around = hull((box, *(word.box for word in words)))
    return Box(around.left, box.top, around.right, box.bottom)


def _one_column(bands: Sequence[Sequence[Sequence[Word]]], box: Box) -> Table | None:
    """Return the table of one column below its head; None if the lines are prose."""
    if len(bands) < 2 or len(bands[0]) != 1:
        return None
    below = [row for band in bands[1:] for row in band]
    if len(below) < _LEAST_BELOW or median(len(row) for row in below) > _MOST_WORDS:
        return None
    texts = [text_of(word for row in band for word in row) for band in bands]
    cells = tuple(Cell(number, 0, text) for number, text in enumerate(texts))
    return Table(box, len(cells), 1, cells)
