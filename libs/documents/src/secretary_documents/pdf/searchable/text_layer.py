"""Writes recognised lines as the operators of a content stream that shows nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import pymupdf

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.layout.script import is_right_to_left
from secretary_documents.pdf.searchable.glyphless_font import ADVANCE, DESCENT
from secretary_documents.pdf.searchable.layer_line import LayerLine

_INVISIBLE = 3
"""The text rendering mode that neither fills nor strokes (ISO 32000-1, 9.3.6)."""
_WIDTH, _DROP = ADVANCE / 1000, -DESCENT / 1000
_GAP = 0.2
"""The least space between two words, in parts of the font size. Readers join words that stand
closer together, even with a written space between them; Poppler does so below 0.15."""
_BELOW = re.compile(r"[gjpqyQ,;()\[\]{}|]")
"""Letters that reach below the baseline."""
# Numbers and Latin letters inside a word of a script that runs to the left.
_TO_RIGHT = re.compile(r"[0-9A-Za-z.,:/+-]+")

Place = Callable[[Word, float, float], pymupdf.Matrix]


def layer_operators(
    lines: Sequence[LayerLine],
    font: str,
    encode: Callable[[str], str],
    to_file: pymupdf.Matrix,
) -> str:
    """Return the operators that write *lines* invisibly.

    Args:
        lines: the lines, with boxes on the page as it is shown.
        font: the name of the font in the resources of the page.
        encode: returns a text as the hexadecimal digits of a string for this font.
        to_file: turns points of the page as it is shown into points of the file.
    """
    shown = [one for line in lines for one in _line_operators(line, encode, to_file)]
    if not shown:
        return ""
    return "\n".join([f"q BT {_INVISIBLE} Tr /{font} 1 Tf", *shown, "ET Q"])


def _line_operators(
    line: LayerLine, encode: Callable[[str], str], to_file: pymupdf.Matrix
) -> Iterator[str]:
    words = [word for word in line.words if word.text.strip() and _has_area(word.box)]
    if not words:
        return
    size = line.size or max(_measures(word.box, line.turn)[1] for word in words)
    for word, following in zip(words, [*words[1:], None], strict=True):
        length = _length_before(word, following, line.turn, _GAP * size)
        text = as_drawn(" ".join(word.text.split()))
        matrix = _place(word, line.turn, length / (_WIDTH * len(text)), size) * to_file
        numbers = " ".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in matrix)
        # The space after a word belongs to no place, but it separates the words when they are read.
        yield f"{numbers} Tm <{encode(text + ' ')}> Tj"


def _has_area(box: Box) -> bool:
    return box.width > 0 and box.height > 0


def _length_before(word: Word, following: Word | None, turn: int, gap: float) -> float:
    """Return the length of *word*, cut so that *gap* is left before the word that follows.

    At least half of the length stays. A word that follows on the other side cuts nothing.
    """
    length, _ = _measures(word.box, turn)
    if following is None or (room := _start(following, turn) - _start(word, turn)) <= 0:
        return length
    return min(length, max(room - gap, length / 2))


def _start(word: Word, turn: int) -> float:
    """Return where *word* starts along a line that is turned by *turn* degrees."""
    box = word.box
    return {0: box.left, 90: box.top, 180: -box.right, 270: -box.bottom}.get(turn, box.left)


def _measures(box: Box, turn: int) -> tuple[float, float]:
    """Return the length of a word along its line, and its height."""
    return (box.height, box.width) if turn % 180 else (box.width, box.height)


def _place(word: Word, turn: int, across: float, size: float) -> pymupdf.Matrix:
    """Return the matrix of *word* on the page as it is shown, where y grows downwards.

    *across* is the stretch along the line, *size* the font size.
    """
    box, drop = word.box, _DROP * size if _BELOW.search(word.text) else 0.0
    starts = {
        0: (across, 0, 0, -size, box.left, box.bottom - drop),
        90: (0, across, size, 0, box.left + drop, box.top),
        180: (-across, 0, 0, size, box.right, box.top + drop),
        270: (0, -across, -size, 0, box.right - drop, box.bottom),
    }
    return pymupdf.Matrix(*starts.get(turn, starts[0]))


def as_drawn(text: str) -> str:
    """Return *text* from the left to the right, as readers of PDFs expect its characters."""
    if not is_right_to_left(text):
        return text
    return _TO_RIGHT.sub(lambda match: match[0][::-1], text[::-1])
