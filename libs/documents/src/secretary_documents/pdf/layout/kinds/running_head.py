"""Finds the running heads and feet of a page: lines that other pages have at the same edge."""

from __future__ import annotations

from collections.abc import Sequence

from secretary_documents.pdf.layout.model import Kind, Line
from secretary_documents.pdf.layout.style import DocumentStyle, is_at_edge, running_key

_SPACE = 1.3
"""The least space between a page's foot and the text above, in heights of a line."""
_FOOT, _HEAD = 0.9, 0.08
"""The share of the page's height below which a foot is, and above which a head is."""
_LARGE = 1.4
_MOST_CHARS = 150


def edge_kinds(lines: Sequence[Line], style: DocumentStyle, height: float) -> dict[int, Kind]:
    """Return HEADER or FOOTER by the identity of each line that is one."""
    kinds: dict[int, Kind] = {}
    for line in lines:
        if is_at_edge(line, height) and _is_running(line, style):
            upper = line.box.middle[1] < height / 2
            kinds[id(line)] = Kind.HEADER if upper else Kind.FOOTER
    if Kind.FOOTER not in kinds.values():
        kinds |= {id(line): Kind.FOOTER for line in _lowest(lines, height)}
    if Kind.HEADER not in kinds.values():
        kinds |= {id(line): Kind.HEADER for line in _highest(lines, style, height)}
    return kinds


def _is_running(line: Line, style: DocumentStyle) -> bool:
    """Return whether other pages have *line* too.

    Large lines of which only the number differs are headings: "Section 1", "Section 2".
    """
    if running_key(line.text) not in style.running:
        return False
    return line.size <= _LARGE * style.body or not any(map(str.isdecimal, line.text))


def _lowest(lines: Sequence[Line], height: float) -> list[Line]:
    """Return the last row of the page if it is short, near the edge and apart from the text."""
    last = max(lines, key=lambda line: line.box.top, default=None)
    if last is None or last.box.top < _FOOT * height or len(last.text) > _MOST_CHARS:
        return []
    row = [line for line in lines if line.box.middle[1] > last.box.top - 1]
    above = [line.box.bottom for line in lines if line not in row]
    if above and last.box.top - max(above) < _SPACE * last.box.height:
        return []
    return row


def _highest(lines: Sequence[Line], style: DocumentStyle, height: float) -> list[Line]:
    """Return the first row of the page, as ``_lowest`` does, if its letters are not large."""
    first = min(lines, key=lambda line: line.box.bottom, default=None)
    if first is None or first.box.bottom > _HEAD * height or len(first.text) > _MOST_CHARS:
        return []
    row = [line for line in lines if line.box.middle[1] < first.box.bottom + 1]
    below = [line.box.top for line in lines if line not in row]
    if max(line.size for line in row) > _LARGE * style.body:
        return []
    if below and min(below) - first.box.bottom < _SPACE * first.box.height:
        return []
    return row
