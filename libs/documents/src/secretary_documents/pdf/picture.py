"""Pages as pictures, within a number of pixels. Runs in the child only."""

from __future__ import annotations

import math

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError

POINTS_PER_INCH = 72
# Letters of 10 points are 5 pixels high: nobody reads anything below.
LEAST_DPI = 36


def fitting_dpi(width: float, height: float, dpi: int, max_pixels: int) -> int:
    """The resolution, *dpi* at most, at which a page of this size in points has *max_pixels*."""
    square_inches = max(width * height / POINTS_PER_INCH**2, 1e-9)
    return max(1, min(dpi, int(math.sqrt(max_pixels / square_inches))))


def legible_dpi(page: pymupdf.Page, dpi: int, max_pixels: int) -> int:
    """The resolution to read *page* at.

    Raises:
        PermanentError: PDF_PAGE_TOO_LARGE, within *max_pixels* nothing could be read.
    """
    fitting = fitting_dpi(page.rect.width, page.rect.height, dpi, max_pixels)
    if fitting < min(LEAST_DPI, dpi):
        width, height = (round(side) for side in (page.rect.width, page.rect.height))
        message = f"the page is too large to be read as a picture ({width} x {height} points)"
        raise PermanentError(message, code=ErrorCode.PDF_PAGE_TOO_LARGE)
    return fitting


def jpeg_of(
    page: pymupdf.Page, *, dpi: int, max_side: int, max_pixels: int, quality: int
) -> tuple[bytes, int, int]:
    """*page* as a JPEG, its width and its height in pixels, both *max_side* at most."""
    width, height = page.rect.width, page.rect.height
    fitting = fitting_dpi(width, height, dpi, max_pixels)
    scale = min(fitting / POINTS_PER_INCH, (max_side - 1) / max(width, height, 1.0))
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False
    )
    return pixmap.tobytes("jpeg", jpg_quality=quality), pixmap.width, pixmap.height
