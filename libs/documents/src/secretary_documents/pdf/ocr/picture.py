"""Draws a page, or a part of it, as grey pixels for an OCR engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pymupdf

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.mupdf.page import LEAST_DPI, POINTS_PER_INCH, fitting_dpi, legible_dpi
from secretary_documents.pdf.ocr_options import OCR_DPI

# A larger picture of a poster takes half as much time again, and OCR finds no more words in it
# (measured).
_MOST_PIXELS = 20_000_000

_LONGEST = 32_000
"""The most pixels of a side. Tesseract ends its process at more than 32,767."""

# A chart, a table or a scan has a ground of few grey values. Those of a photo are spread: its most
# common values have a small share of its pixels.
_GROUND_VALUES, _GROUND_SHARE = 4, 0.18
_SAMPLE_STEP = 13
"""One of this number of pixels is counted."""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """Grey pixels of a page, one byte each, and their place on the page."""

    pixels: bytes
    width: int
    height: int
    stride: int
    """The bytes of each row."""
    dpi: int
    to_page: pymupdf.Matrix
    """Leads from a pixel of the picture to the place on the page, in points."""

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return the place on the page, in points, of a place in the picture, in pixels."""
        return Box(*(pymupdf.Rect(left, top, right, bottom) * self.to_page))


def draw(
    page: pymupdf.Page, max_pixels: int, place: Box | None = None, *, turned: int = 0
) -> PagePicture:
    """Return the picture of *page*, or of *place* on it, at 200 dpi or less.

    A picture of more than 20 megapixels gets a lower resolution, but not under 36 dpi.

    Args:
        page: the page.
        max_pixels: the most pixels of the whole page.
        place: the part of the page to draw; None: the whole page.
        turned: by how many degrees the page is turned clockwise. The picture is upright.

    Raises:
        PermanentError: PDF_PAGE_TOO_LARGE, the picture would not be legible.
    """
    dpi = _dpi(page, max_pixels, place)
    matrix = pymupdf.Matrix(dpi / POINTS_PER_INCH, dpi / POINTS_PER_INCH).prerotate(-turned)
    clip = None if place is None else pymupdf.Rect(place)
    drawn = page.get_pixmap(matrix=matrix, clip=clip, colorspace=pymupdf.csGRAY, alpha=False)
    return PagePicture(
        pixels=drawn.samples,
        width=drawn.width,
        height=drawn.height,
        stride=drawn.stride,
        dpi=dpi,
        to_page=pymupdf.Matrix(1, 0, 0, 1, drawn.x, drawn.y) * ~matrix,
    )


def _dpi(page: pymupdf.Page, max_pixels: int, place: Box | None) -> int:
    most = legible_dpi(page, OCR_DPI, max_pixels, max_side=_LONGEST)
    drawn = place or page.rect
    return max(fitting_dpi(drawn.width, drawn.height, most, _MOST_PIXELS), min(LEAST_DPI, most))


def is_photo(picture: PagePicture) -> bool:
    """Return whether *picture* has no ground on which text could stand."""
    sample = picture.pixels[::_SAMPLE_STEP]
    common = Counter(sample).most_common(_GROUND_VALUES)
    return sum(count for _, count in common) < _GROUND_SHARE * len(sample)
