"""Reads the rules, boxes, bullets and images of a page with MuPDF. Runs in the child only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pymupdf

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error

# A page with more paths, or more lines in them, is a picture. Its rules are not read, because this
# would take seconds.
MOST_PATHS, _MOST_ITEMS = 3000, 20_000
# A rectangle of this height is a thick rule.
_THIN = 3.5
_LEAST_LENGTH = 6.0
_WHITE = 0.98
_DOT = (1.5, 10.0)
"""The least and the largest side of a bullet in points."""
# Operators that paint, and the characters around operators besides white space (ISO 32000-1, 7.2.2
# and annex A).
_PAINTING = frozenset(b"f F f* B B* b b* S s sh Do EI".split())
_TO_SPACES = bytes.maketrans(b"\x00()<>[]{}/%", b" " * 11)
_NEAR = 2.5
"""Sides that are at most this many points apart touch."""
_MOST_IN_SQUARE = 20
"""The most boxes that begin at one place. Others are drawn over these."""


@dataclass(slots=True)
class Drawing:
    """What is drawn on a page, apart from text."""

    across: list[Box] = field(default_factory=list)
    """Horizontal rules. Their height is 0."""
    upright: list[Box] = field(default_factory=list)
    """Vertical rules. Their width is 0."""
    boxes: list[Box] = field(default_factory=list)
    """Rectangles with a colour or a frame."""
    shaded: list[Box] = field(default_factory=list)
    """Those of the boxes that share a side with another box."""
    curves: list[Box] = field(default_factory=list)
    """The places of paths with curves or slanted lines."""
    dots: list[Box] = field(default_factory=list)
    """Small shapes that are as wide as high, such as drawn bullets."""
    images: list[Box] = field(default_factory=list)


def drawing_on(page: pymupdf.Page) -> Drawing:
    """Return the drawing of *page*, without rules if it has very many paths."""
    drawing, paths = Drawing(), 0
    if not may_draw(page):
        return drawing
    for kind, box in page.get_bboxlog():
        if kind.startswith("fill-im"):
            drawing.images.append(Box(*box))
        elif kind.endswith("-path"):
            paths += 1
    for path in _paths_on(page) if 0 < paths <= MOST_PATHS else ():
        _add_path(drawing, path)
    drawing.shaded = _tiles(drawing.boxes)
    return drawing


def _paths_on(page: pymupdf.Page) -> Sequence[dict[str, Any]]:
    """Return the paths of *page*; none if they cannot be read, or if they have too many lines."""
    try:
        with raising_memory_error():
            paths: list[dict[str, Any]] = page.get_cdrawings()
    except MUPDF_ERRORS:
        return ()  # without its rules, the text is read all the same
    return paths if sum(len(path["items"]) for path in paths) <= _MOST_ITEMS else ()


def may_draw(page: pymupdf.Page) -> bool:
    """Return whether *page* may draw more than text.

    This function searches the content for the operators that paint paths, shadings, pictures and
    forms, and a word of the text may look like such an operator. Asking MuPDF would take as long
    as reading the text.
    """
    try:
        with raising_memory_error():
            if page.first_annot or page.first_widget:
                return True
            return not _PAINTING.isdisjoint(page.read_contents().translate(_TO_SPACES).split())
    except MUPDF_ERRORS:
        return True


def _tiles(boxes: Sequence[Box]) -> list[Box]:
    """Return those of *boxes* that share a side with another box, as coloured cells do."""
    squares: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for at, box in enumerate(boxes):
        squares[_square(box.left, box.top)].append(at)
    chosen: set[int] = set()
    for at, box in enumerate(boxes):
        # A box at the right begins at the upper right corner, a box below at the lower left one.
        corners = (_square(box.right, box.top), _square(box.left, box.bottom))
        for (x, y), right, down in product(corners, (-1, 0, 1), (-1, 0, 1)):
            near = squares.get((x + right, y + down), ())[:_MOST_IN_SQUARE]
            found = [one for one in near if one != at and _share_side(box, boxes[one])]
            chosen.update([at, *found] if found else ())
    return [box for at, box in enumerate(boxes) if at in chosen]


def _square(x: float, y: float) -> tuple[int, int]:
    """Return the square, as wide as sides that touch may be apart, in which a point is."""
    return int(x // _NEAR), int(y // _NEAR)


def _share_side(one: Box, other: Box) -> bool:
    same_row = abs(one.top - other.top) < _NEAR and abs(one.bottom - other.bottom) < _NEAR
    same_column = abs(one.left - other.left) < _NEAR and abs(one.right - other.right) < _NEAR
    beside = min(abs(one.right - other.left), abs(one.left - other.right)) < _NEAR
    below = min(abs(one.bottom - other.top), abs(one.top - other.bottom)) < _NEAR
    return (same_row and beside) or (same_column and below)


def _paint_of(path: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether *path* has lines that are seen, and a colour inside."""
    stroked = "s" in path["type"] and path.get("stroke_opacity", 1) != 0
    fill = path.get("fill")
    shaded = "f" in path["type"] and fill is not None and min(fill) < _WHITE
    if stroked and (color := path.get("color")) is not None and min(color) >= _WHITE:
        stroked = False  # white lines separate shaded cells, but the cells have edges anyway
    return stroked, shaded


def _add_path(drawing: Drawing, path: dict[str, Any]) -> None:
    stroked, shaded = _paint_of(path)
    if shaded and not stroked and _is_thin_polygon(path):
        _add_rectangle(drawing, Box(*path["rect"]), framed=False)
        return
    if stroked or shaded:
        _add_dot(drawing, Box(*path["rect"]))
    if any(item[0] == "c" or (item[0] == "l" and _is_slanted(item)) for item in path["items"]):
        drawing.curves.append(Box(*path["rect"]))
    for item in path["items"]:
        if item[0] == "l" and stroked:
            _add_line(drawing, *item[1], *item[2])
        elif item[0] == "re" and (stroked or shaded):
            _add_rectangle(drawing, Box(*item[1]), framed=stroked)
        elif item[0] == "qu" and (stroked or shaded):
            points = item[1]
            xs, ys = [point[0] for point in points], [point[1] for point in points]
            _add_rectangle(drawing, Box(min(xs), min(ys), max(xs), max(ys)), framed=stroked)


def _add_dot(drawing: Drawing, box: Box) -> None:
    small, large = sorted((box.width, box.height))
    if _DOT[0] <= small and large <= _DOT[1] and large <= 1.2 * small:
        drawing.dots.append(box)


def _is_thin_polygon(path: dict[str, Any]) -> bool:
    """Return whether *path* is a side of a frame, with slanted ends where it meets the others."""
    left, top, right, bottom = path["rect"]
    thin = min(right - left, bottom - top) <= _THIN
    return thin and all(item[0] == "l" for item in path["items"])


def _is_slanted(item: tuple[Any, ...]) -> bool:
    (x, y), (to_x, to_y) = item[1], item[2]
    return bool(min(abs(to_x - x), abs(to_y - y)) > 1)


def _add_line(drawing: Drawing, x: float, y: float, to_x: float, to_y: float) -> None:
    left, right = sorted((x, to_x))
    top, bottom = sorted((y, to_y))
    if bottom - top <= 1 and right - left >= _LEAST_LENGTH:
        drawing.across.append(Box(left, (top + bottom) / 2, right, (top + bottom) / 2))
    elif right - left <= 1 and bottom - top >= _LEAST_LENGTH:
        drawing.upright.append(Box((left + right) / 2, top, (left + right) / 2, bottom))


def _add_rectangle(drawing: Drawing, box: Box, *, framed: bool) -> None:
    x, y = box.middle
    if box.height <= _THIN:
        if box.width >= _LEAST_LENGTH:
            drawing.across.append(Box(box.left, y, box.right, y))
    elif box.width <= _THIN:
        if box.height >= _LEAST_LENGTH:
            drawing.upright.append(Box(x, box.top, x, box.bottom))
    else:
        drawing.boxes.append(box)
        if framed:
            drawing.across += edges_across(box)
            drawing.upright += edges_upright(box)


def edges_across(box: Box) -> Iterator[Box]:
    """Yield the upper and the lower side of *box* as rules."""
    yield Box(box.left, box.top, box.right, box.top)
    yield Box(box.left, box.bottom, box.right, box.bottom)


def edges_upright(box: Box) -> Iterator[Box]:
    """Yield the left and the right side of *box* as rules."""
    yield Box(box.left, box.top, box.left, box.bottom)
    yield Box(box.right, box.top, box.right, box.bottom)
