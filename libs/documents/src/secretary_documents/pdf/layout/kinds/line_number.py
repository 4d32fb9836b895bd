"""Finds the numbers of the lines in the margin, as manuscripts and contracts have them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from secretary_documents.pdf.layout.model import Line
from secretary_documents.pdf.layout.paragraph import baselines_of

_LEAST, _LEAST_CHARS = 6, 30
_SAME_EDGE = 3.0
_CONTINUED = 0.4
"""The share of the numbered lines that go on with a small letter: prose, and no rows."""
_STEPS = (1, 2, 5, 10)


def line_numbers(lines: Sequence[Line]) -> list[Line]:
    """Return those of *lines* that number the other lines of a page with one column."""
    if sum(line.text.isdecimal() for line in lines) < _LEAST:
        return []
    numbered = [row for row in baselines_of(lines) if row[0].text.isdecimal()]
    numbers, texts = [row[0] for row in numbered], [line for row in numbered for line in row[1:]]
    if len(texts) < _LEAST or any(len(row) > 2 for row in numbered):
        return []
    chosen = {id(number) for number in numbers}
    others = [line for line in lines if id(line) not in chosen]
    if not _are_counted(numbers) or not _are_aligned(numbers):
        return []
    if min(line.box.left for line in others) <= max(number.box.right for number in numbers):
        return []
    return numbers if _are_prose(texts) else []


def _are_counted(numbers: Sequence[Line]) -> bool:
    """Return whether the numbers go up by the same step."""
    steps = {int(below.text) - int(above.text) for above, below in pairwise(numbers)}
    return len(steps) == 1 and steps.pop() in _STEPS


def _are_aligned(numbers: Sequence[Line]) -> bool:
    sides = ([line.box.left for line in numbers], [line.box.right for line in numbers])
    return any(max(side) - min(side) <= _SAME_EDGE for side in sides)


def _are_prose(texts: Sequence[Line]) -> bool:
    continued = sum(line.text[:1].islower() for line in texts)
    long = median(len(line.text) for line in texts) >= _LEAST_CHARS
    return long and continued >= _CONTINUED * len(texts)
