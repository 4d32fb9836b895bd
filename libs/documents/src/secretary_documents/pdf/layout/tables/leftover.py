"""Finds what is left of the lines of a page when the words of its tables are taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from secretary_documents.pdf.layout.model import (
    Box,
    Line,
    Table,
    Word,
    hull,
    part_of,
)

_AROUND = 1.0
"""A table has the words whose middle is at most this many points outside of its box."""
_SURELY = 0.25
"""A line that reaches over the upper or lower side of a table by less than this share of its height
has all its words inside."""
_Place = tuple[int, int, Word]
"""The start and the end of a word in the text of a line, and the word."""


def words_in(words: Iterable[Word], box: Box) -> list[Word]:
    """Return those of *words* that a table in *box* has."""
    area = box.wider(_AROUND)
    return [word for word in words if area.holds(word.box.middle)]


def words_outside(words: Sequence[Word], tables: Sequence[Table]) -> list[Word]:
    """Return those of *words* that none of *tables* has."""
    areas = [table.box.wider(_AROUND) for table in tables]
    return [word for word in words if not _hold(areas, word.box)]


def lines_outside(
    lines: Sequence[Line], tables: Sequence[Table], words: Sequence[Word]
) -> list[Line]:
    """Return *lines* without the words that *tables* have.

    A line that crosses the side of a table, such as a text that is too long for its cell, is cut.

    *words*: all words of the lines.
    """
    areas = [table.box.wider(_AROUND) for table in tables]
    left: list[Line] = []
    for line in lines:
        near = [area for area in areas if area.meets(line.box)]
        if not near:
            left.append(line)
        elif not any(_surely_holds(area, line.box) for area in near):
            left += _outside(line, near, words)
    return left


def _hold(areas: Sequence[Box], box: Box) -> bool:
    return any(area.holds(box.middle) for area in areas)


def _surely_holds(area: Box, box: Box) -> bool:
    most = _SURELY * box.height
    across = area.left <= box.left and box.right <= area.right
    return across and area.top <= box.top + most and box.bottom - most <= area.bottom


def _outside(line: Line, areas: Sequence[Box], words: Sequence[Word]) -> Iterator[Line]:
    places = _places(line, words)
    held = [_hold(areas, word.box) for *_, word in places]
    if not any(held):
        if places or not _hold(areas, line.box):
            yield line
        return
    for inside, run in groupby(zip(held, places, strict=True), key=itemgetter(0)):
        if not inside:
            found = [place for _, place in run]
            spans = part_of(line.spans, found[0][0], found[-1][1])
            box = hull(word.box for *_, word in found)
            yield replace(line, box=box, spans=spans)


def _places(line: Line, words: Sequence[Word]) -> list[_Place]:
    """Return where each word of *line* is in its text; nothing if *words* has not all of them."""
    text = "".join(span.text for span in line.spans)
    visible = [at for at, char in enumerate(text) if not char.isspace()]
    left = "".join(text[at] for at in visible)
    around = line.box.wider(0.5)
    places: list[_Place] = []
    start = 0
    for word in words:
        part = "".join(word.text.split())
        # Other texts may overlap the line.
        if part and around.holds(word.box.middle) and left.startswith(part, start):
            end = start + len(part)
            places.append((visible[start], visible[end - 1] + 1, word))
            start = end
    return places if start == len(left) else []
