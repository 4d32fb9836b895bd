"""Draws a page, or a part of it, as grey pixels for an OCR engine."""

from __future__ import annotations

from dataclasses import dataclass

import pymupdf

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.mupdf import POINTS_PER_INCH, legible_dpi
from secretary_documents.pdf.read_options import OCR_DPI


@dataclass(frozen=True, slots=True)
class PagePicture:
    """Grey pixels of a page, one byte each, and their place on the page."""

    pixels: bytes
    width: int
    height: int
    stride: int
    """The bytes of each row."""
    dpi: int
    left: int
    """The pixels from the left side of the page to the picture."""
    top: int
    """The pixels from the upper side of the page to the picture."""

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return the place on the page, in points, of a place in the picture, in pixels."""
        points = POINTS_PER_INCH / self.dpi
        return Box(
            (self.left + left) * points,
            (self.top + top) * points,
            (self.left + right) * points,
            (self.top + bottom) * points,
        )


def draw(page: pymupdf.Page, max_pixels: int, place: Box | None = None) -> PagePicture:
    """Return the picture of *page*, or of *place* on it, at 200 dpi or less.

    *max_pixels* are the most pixels of the whole page.

    Raises:
        PermanentError: PDF_PAGE_TOO_LARGE, the picture would not be legible.
    """
    dpi = legible_dpi(page, OCR_DPI, max_pixels)
    clip = None if place is None else pymupdf.Rect(place)
    drawn = page.get_pixmap(dpi=dpi, clip=clip, colorspace=pymupdf.csGRAY, alpha=False)
    return PagePicture(
        pixels=drawn.samples,
        width=drawn.width,
        height=drawn.height,
        stride=drawn.stride,
        dpi=dpi,
        left=drawn.x,
        top=drawn.y,
    )
