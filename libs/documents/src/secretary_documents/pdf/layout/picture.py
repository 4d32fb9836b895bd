"""Finds the pictures of a page that may have text of their own. Runs in the child only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pymupdf

from secretary_documents.pdf.layout.model import Box, Picture
from secretary_documents.pdf.mupdf.page import area_of

# Smaller pictures are logos and ornaments. A picture with native text on it is a background.
_LEAST_WIDTH, _LEAST_HEIGHT, _LEAST_SHARE = 60.0, 30.0, 0.015
_MOST_WORDS = 5
_MOST_PICTURES = 12
# A picture that covers more of a page with text is its background.
_BACKGROUND = 0.9
_MOST_KEPT, _MOST_MERGED = 50, 1000
# Pictures side by side are a row if this share of the lower one's height is beside the other.
_SAME_ROW = 0.5


def pictures_on(page: pymupdf.Page) -> list[Box]:
    """Return the places of the pictures on *page* without native text, row by row."""
    if not page.get_images():
        return []
    whole = Box(*area_of(page))
    found = [
        _within(Box(*box), whole) for kind, box in page.get_bboxlog() if kind.startswith("fill-im")
    ]
    large = [box for box in found if _is_large(box, whole)]
    middles = [Box(*word[:4]).middle for word in page.get_text("words")] if large else []
    free = [box for box in large if sum(map(box.holds, middles)) <= _MOST_WORDS]
    return _in_order(_merged(free))[:_MOST_PICTURES]


def kept_pictures_on(page: pymupdf.Page, least: float) -> list[Picture]:
    """Return the pictures of *page* that become files, row by row, with the names of the files.

    A picture that is narrower or lower than *least* points, or that covers the whole page, is left
    out. A page has at most 50 such pictures.
    """
    whole = Box(*area_of(page))
    found = [
        _within(Box(*box), whole) for kind, box in page.get_bboxlog() if kind.startswith("fill-im")
    ]
    most = _BACKGROUND * whole.width * whole.height
    large = [
        box
        for box in found
        if min(box.width, box.height) >= least and box.width * box.height <= most
    ]
    boxes = _in_order(_merged(large))[:_MOST_KEPT]
    return [
        Picture(box, file=f"page_{page.number + 1}_image_{index}.png")
        for index, box in enumerate(boxes, 1)
    ]


def with_files(pictures: Sequence[Picture], kept: Sequence[Picture]) -> list[Picture]:
    """Return recognised *pictures* with the files of those in *kept*, and the rest of *kept*."""
    files = {picture.box: picture.file for picture in kept}
    read = [replace(picture, file=files.pop(picture.box, "")) for picture in pictures]
    return [*read, *(picture for picture in kept if picture.box in files)]


def _in_order(boxes: Iterable[Box]) -> list[Box]:
    """Return *boxes* row by row from the top, and those of a row from the left."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: box.top):
        if rows and _share_row(rows[-1][0], box):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda box: box.left)]


def _share_row(one: Box, other: Box) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    apart = max(one.left, other.left) >= min(one.right, other.right)
    return apart and shared > _SAME_ROW * min(one.height, other.height)


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
    """Return *boxes* without those whose middle is inside a larger one; the 1,000 largest count."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height)[:_MOST_MERGED]:
        if not any(other.holds(box.middle) for other in kept):
            kept.append(box)
    return kept
