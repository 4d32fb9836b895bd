"""Puts recognised lines without an order into paragraphs in reading order. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.layout.order import reading_order
from secretary_documents.pdf.ocr.recognition import RecognisedLine

# Lines are on one baseline if their middles differ by at most this share of their height. They are
# joined if the space between them is at most this number of heights.
_SAME_ROW, _ROW_SPACE = 0.5, 2.5
# A wider space between two lines, in heights of a line, separates paragraphs.
_PARAGRAPH_SPACE = 0.9


@dataclass(frozen=True, slots=True)
class _Part:
    line: RecognisedLine
    index: float
    box: Box


def arranged(lines: Sequence[RecognisedLine]) -> tuple[tuple[RecognisedLine, ...], ...]:
    """Return *lines* as paragraphs in reading order, with the pieces of each row joined."""
    if not lines:
        return ()
    height = median(line.box.height for line in lines)
    parts = [_Part(line, float(index), line.box) for index, line in enumerate(lines)]
    paragraphs: list[tuple[RecognisedLine, ...]] = []
    for run in reading_order(parts, height):
        paragraphs += _paragraphs(_rows([part.line for part in run]))
    return tuple(paragraphs)


def _rows(lines: Sequence[RecognisedLine]) -> list[RecognisedLine]:
    rows: list[RecognisedLine] = []
    for line in lines:
        if rows and _continues_row(rows[-1].box, line.box):
            words = sorted((*rows[-1].words, *line.words), key=lambda word: word.box.left)
            rows[-1] = RecognisedLine(tuple(words))
        else:
            rows.append(line)
    return rows


def _continues_row(one: Box, other: Box) -> bool:
    height = min(one.height, other.height)
    level = abs(one.middle[1] - other.middle[1]) <= _SAME_ROW * height
    apart = max(other.left - one.right, one.left - other.right)
    return level and apart <= _ROW_SPACE * height


def _paragraphs(rows: Sequence[RecognisedLine]) -> list[tuple[RecognisedLine, ...]]:
    paragraphs: list[list[RecognisedLine]] = []
    for row in rows:
        last = paragraphs[-1][-1].box if paragraphs else None
        if last and -last.height < row.box.top - last.bottom <= _PARAGRAPH_SPACE * last.height:
            paragraphs[-1].append(row)
        else:
            paragraphs.append([row])
    return [tuple(lines) for lines in paragraphs]
