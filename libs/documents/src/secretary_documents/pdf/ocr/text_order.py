"""Puts the recognised words of a page in the order of its text. No I/O."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import groupby

from secretary_documents.pdf.layout.model import Table
from secretary_documents.pdf.ocr.recognition import RecognisedLine, RecognisedWord, Recognition

_HYPHENS = ("-", "\N{HYPHEN}")
_Placed = tuple[int, RecognisedWord]
"""The number of a line, and a word of this line."""


def in_text_order(found: Recognition) -> list[list[RecognisedLine]]:
    """Return the lines of each paragraph and each table of *found*, in the order of its text.

    A line of a table is in one cell. Words that the cells do not have, such as rules that were read
    as letters, are left out.
    """
    parts = found.parts()
    lines = [line for part in parts if not isinstance(part, Table) for line in part]
    outside = {id(word) for line in lines for word in line.words}
    placed = [
        (number, word)
        for number, line in enumerate(found.lines)
        for word in line.words
        if id(word) not in outside
    ]
    return [list(_lines_of(part, placed)) if isinstance(part, Table) else part for part in parts]


def _lines_of(table: Table, words: Sequence[_Placed]) -> Iterator[RecognisedLine]:
    """Yield the *words* of *table* cell by cell, row by row. Each line is in one cell."""
    around = table.box.wider(1)
    left: defaultdict[str, deque[_Placed]] = defaultdict(deque)
    inside = [one for one in words if around.holds(one[1].box.middle)]
    for one in sorted(inside, key=lambda one: (one[1].box.middle[1], one[1].box.left)):
        left[one[1].text].append(one)
    for cell in sorted(table.cells, key=lambda cell: (cell.row, cell.column)):
        chosen = [one for token in cell.text.split() for one in _take(token, left)]
        for _, line in groupby(chosen, key=lambda one: one[0]):
            yield RecognisedLine(tuple(word for _, word in line))


def _take(token: str, left: dict[str, deque[_Placed]]) -> list[_Placed]:
    """Take the word that is *token*, or the two words into which a line's end has divided it."""
    if left.get(token):
        return [left[token].popleft()]
    for end in range(1, len(token)):
        starts = (f"{token[:end]}{hyphen}" for hyphen in _HYPHENS)
        start = next((one for one in starts if left.get(one)), None)
        if start and left.get(token[end:]):
            return [left[start].popleft(), left[token[end:]].popleft()]
    return []
