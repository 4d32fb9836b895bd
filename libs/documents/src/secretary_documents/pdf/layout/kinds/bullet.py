"""Gives the lines of lists the bullets that are drawn as shapes, as browsers do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secretary_documents.pdf.layout.model import Box, Line, Span, hull
from secretary_documents.pdf.layout.paragraph import is_item

# All in font sizes: the side of a bullet, the space after it, and how far its middle is from that
# of the line. Text that ends closer before a shape goes on after it.
_SIDE, _SPACE, _OFF_MIDDLE, _BEFORE = (0.15, 0.6), (0.15, 1.5), 0.35, 3.0
_MOST = 300
"""A page with more small shapes is a drawing."""


def with_drawn_bullets(lines: Sequence[Line], dots: Sequence[Box]) -> list[Line]:
    """Return *lines*; one with a shape of *dots* where a bullet stands begins with a bullet."""
    if not 0 < len(dots) <= _MOST:
        return list(lines)
    return [_with_bullet(line, lines, dots) for line in lines]


def _with_bullet(line: Line, lines: Sequence[Line], dots: Sequence[Box]) -> Line:
    found = [dot for dot in dots if _is_bullet(dot, line)]
    if line.turned or len(found) != 1 or is_item(line.text):
        return line
    [dot] = found
    if any(_ends_before(other, dot, line.size) for other in lines if other is not line):
        return line
    bullet = Span("• ", line.size, bold=line.bold)
    return replace(line, box=hull((dot, line.box)), spans=(bullet, *line.spans))


def _is_bullet(dot: Box, line: Line) -> bool:
    size = max(line.size, 1.0)
    return (
        _SPACE[0] <= (line.box.left - dot.right) / size <= _SPACE[1]
        and abs(dot.middle[1] - line.box.middle[1]) <= _OFF_MIDDLE * size
        and _SIDE[0] <= dot.height / size <= _SIDE[1]
    )


def _ends_before(line: Line, dot: Box, size: float) -> bool:
    return (
        line.box.top < dot.middle[1] < line.box.bottom
        and -size < dot.left - line.box.right < _BEFORE * size
    )
