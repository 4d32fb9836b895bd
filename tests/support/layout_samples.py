"""Lines, words and rules of pages for the tests of the layout."""

from __future__ import annotations

from secretary_documents.pdf.layout.model import Box, Line, Span, Word

CHAR = 5.0
"""The width of each character, in points."""


def line(
    text: str, left: float = 72.0, top: float = 100.0, *, size: float = 10.0, bold: bool = False
) -> Line:
    """Return a line whose first character is at (*left*, *top*)."""
    box = Box(left, top, left + CHAR * len(text) * size / 10, top + size)
    return Line(box, (Span(text, size, bold=bold),))


def column(*texts: str, left: float = 72.0, top: float = 100.0, size: float = 10.0) -> list[Line]:
    """Return lines below each other at the usual distance."""
    return [
        line(text, left, top + number * 1.2 * size, size=size) for number, text in enumerate(texts)
    ]


def words_of(lines: list[Line]) -> list[Word]:
    """Return the words of *lines*."""
    words = []
    for one in lines:
        left = one.box.left
        for text in one.text.split(" "):
            right = left + CHAR * len(text)
            words.append(Word(Box(left, one.box.top, right, one.box.bottom), text))
            left = right + CHAR * 0.6
    return words


def across(y: float, left: float, right: float) -> Box:
    """Return a horizontal rule."""
    return Box(left, y, right, y)


def upright(x: float, top: float, bottom: float) -> Box:
    """Return a vertical rule."""
    return Box(x, top, x, bottom)
