"""Finds code: lines in which all characters have the same width, with the signs of a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from secretary_documents.pdf.layout.model import Block, Box, Kind, Line, Span, hull

# In a document whose body has letters of one width, such as a typed one, nothing is code.
_USUALLY_MONO = 0.5
_LEAST_LINES, _SIGN_SHARE = 2, 0.3
# The signs of a line of code: brackets and operators, the end of a statement, a comment, a prompt.
_SIGN = re.compile(
    r"[{}\[\]]|\w\(|[=<>!&|+*/-]=|->|=>|::|&&|\|\||[;{:]$|^(?://|/\*|#|--|\$ |>>> ?|<[a-z/!])"
    r"|\w = \S|^(?:def|class|import|from|return|if|for|while|else|try|end|let|var|const|function)\b"
)
_ADDRESS = re.compile(r"\S@\S|^https?://\S+$")
_BLANK_PITCH = 1.7
"""From this number of usual distances between lines on, there is an empty line between them."""


def split_code(lines: Sequence[Line], mono_share: float) -> Iterator[tuple[bool, Sequence[Line]]]:
    """Yield the *lines* of a column in order, in runs: whether they are code, and the lines.

    *mono_share*: the share of the letters of the document's body text that have one width.
    """
    if mono_share >= _USUALLY_MONO or not any(line.mono for line in lines):
        yield False, lines
        return
    rest: list[Line] = []
    for mono, group in groupby(lines, lambda line: line.mono):
        run = list(group)
        if not mono or not _is_code(run):
            rest += run
            continue
        if rest:
            yield False, rest
        rest = []
        yield True, run
    if rest:
        yield False, rest


def _is_code(run: Sequence[Line]) -> bool:
    texts = [line.text for line in run]
    if len(texts) < _LEAST_LINES or any(map(_ADDRESS.search, texts)):
        return False
    return sum(bool(_SIGN.search(text)) for text in texts) >= _SIGN_SHARE * len(texts)


def code_block(lines: Sequence[Line]) -> Block:
    """Return *lines* as a block of code, each indented as on the page."""
    box = hull(line.box for line in lines)
    width = median(line.box.width / max(len(_raw(line)), 1) for line in lines) or 1.0
    rows = _rows(lines)
    usual = median(
        [b.bottom - a.bottom for a, b in zip(_boxes(rows), _boxes(rows[1:]), strict=False)] or [1]
    )
    made: list[Line] = []
    for row in rows:
        place = hull(line.box for line in row)
        if made and place.bottom - made[-1].box.bottom > _BLANK_PITCH * usual:
            made.append(Line(place, (Span("", row[0].size, mono=True),)))
        text = ""
        for line in row:
            column = round((line.box.left - box.left) / width)
            text = text.ljust(column if not text else max(column, len(text) + 1)) + _raw(line)
        made.append(Line(place, (Span(text, row[0].size, mono=True),)))
    return Block(Kind.CODE, box, made)


def _raw(line: Line) -> str:
    return "".join(span.text for span in line.spans).strip()


def _boxes(rows: Sequence[Sequence[Line]]) -> list[Box]:
    return [row[0].box for row in rows]


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    rows: list[list[Line]] = []
    for line in lines:
        if rows and rows[-1][0].box.top < line.box.middle[1] < rows[-1][0].box.bottom:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows
