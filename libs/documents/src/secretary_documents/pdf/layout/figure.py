"""Finds drawings with labels, such as charts and diagrams, from the curves of a page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from secretary_documents.pdf.layout.model import Block, Box, Kind, Line, hull
from secretary_documents.pdf.layout.paragraph import baselines_of

# Smaller drawings are bullets and ornaments. Larger ones are the background of a page.
_LEAST_SIDE, _LARGEST_SHARE = 40.0, 0.7
_NEAR = 6.0
"""Curves that are at most this many points apart belong to one drawing."""
_LABEL_SPACE = 16.0
"""Labels of an axis are at most this far from the drawing, in points."""
# Text in a drawing is its labels if it is short. Other text is text in a coloured box.
_LONGEST_OUTSIDE, _LONGEST_INSIDE, _MEAN_CHARS, _LEAST_LABELS = 8, 40, 6.0, 4
_MOST_CURVES = 1500


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its labels."""

    box: Box
    lines: tuple[Line, ...]
    """The labels, row by row."""

    def block(self) -> Block:
        """Return the drawing as a block."""
        return Block(Kind.FIGURE, self.box, self.lines)


def drawn_figures(curves: Sequence[Box], lines: Sequence[Line], page: Box) -> list[Figure]:
    """Return the drawings on *page* whose labels are among *lines*."""
    if not curves or len(curves) > _MOST_CURVES:
        return []
    figures = []
    left = list(lines)
    for box in _clusters([_within(curve, page) for curve in curves]):
        if _is_drawing(box, page) and (labels := _labels(box, left)):
            chosen = {id(label) for label in labels}
            left = [line for line in left if id(line) not in chosen]
            whole = hull((box, *(label.box for label in labels)))
            rows = baselines_of(labels)
            figures.append(Figure(whole, tuple(label for row in rows for label in row)))
    return figures


def _within(box: Box, page: Box) -> Box:
    return Box(
        min(max(box.left, page.left), page.right),
        min(max(box.top, page.top), page.bottom),
        max(min(box.right, page.right), page.left),
        max(min(box.bottom, page.bottom), page.top),
    )


def _clusters(boxes: Sequence[Box]) -> list[Box]:
    """Return the boxes around those of *boxes* that are near each other."""
    clusters: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        joined, apart = box, []
        for cluster in clusters:
            if _are_near(cluster, joined):
                joined = hull((cluster, joined))
            else:
                apart.append(cluster)
        clusters = [*apart, joined]
    return clusters


def _are_near(one: Box, other: Box) -> bool:
    return (
        one.left - _NEAR <= other.right
        and other.left - _NEAR <= one.right
        and one.top - _NEAR <= other.bottom
        and other.top - _NEAR <= one.bottom
    )


def _is_drawing(box: Box, page: Box) -> bool:
    if box.width < _LEAST_SIDE or box.height < _LEAST_SIDE:
        return False
    return box.width * box.height <= _LARGEST_SHARE * page.width * page.height


def _labels(box: Box, lines: Sequence[Line]) -> list[Line]:
    """Return the labels of the drawing in *box*; none if its text is more than labels."""
    inside = [line for line in lines if box.holds(line.box.middle)]
    if any(len(line.text) > _LONGEST_INSIDE for line in inside):
        return []
    around = box.wider(_LABEL_SPACE)
    labels = [
        line
        for line in lines
        if box.holds(line.box.middle)
        or (len(line.text) <= _LONGEST_OUTSIDE and around.holds(line.box.middle))
    ]
    if len(labels) < _LEAST_LABELS or fmean(len(label.text) for label in labels) > _MEAN_CHARS:
        return []
    return labels
