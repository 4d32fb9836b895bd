"""Finds the pictures of a page that may have text of their own. Runs in the child only."""

from __future__ import annotations

from collections.abc import Sequence

import pymupdf

from secretary_documents.pdf.layout.model import Box

# Smaller pictures are logos and ornaments. A picture with native text on it is a background.
_LEAST_WIDTH, _LEAST_HEIGHT, _LEAST_SHARE = 60.0, 30.0, 0.015
_MOST_WORDS = 5
_MOST_PICTURES = 12


def pictures_on(page: pymupdf.Page) -> list[Box]:
    """Return the places of the pictures on *page* without native text, from the top."""
    if not page.get_images():
        return []
    whole = Box(*page.rect)
    found = [
        _within(Box(*box), whole) for kind, box in page.get_bboxlog() if kind.startswith("fill-im")
    ]
    large = [box for box in found if _is_large(box, whole)]
    middles = [Box(*word[:4]).middle for word in page.get_text("words")] if large else []
    free = [box for box in large if sum(map(box.holds, middles)) <= _MOST_WORDS]
    return sorted(_merged(free), key=lambda box: (box.top, box.left))[:_MOST_PICTURES]


def _within(box: Box, whole: Box) -> Box:
    return Box(
        max(box.left, whole.left),
        max(box.top, whole.top),
        min(box.right, whole.right),
        min(box.bottom, whole.bottom),
    )


def _is_large(box: Box, whole: Box) -> bool:
    if box.width < _LEAST_WIDTH or box.height < _LEAST_HEIGHT:
        return False
    return box.width * box.height >= _LEAST_SHARE * whole.width * whole.height


def _merged(boxes: Sequence[Box]) -> list[Box]:
    """Return *boxes* without those whose middle is inside a larger one."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        if not any(other.holds(box.middle) for other in kept):
            kept.append(box)
    return kept
