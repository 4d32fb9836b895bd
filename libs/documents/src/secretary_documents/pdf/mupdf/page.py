"""Measures a page, and draws it as an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.method_choice import DrawingStats

POINTS_PER_INCH = 72
# At this resolution letters of 10 points are 5 pixels high. Fewer pixels are not legible.
LEAST_DPI = 36


def area_of(page: pymupdf.Page) -> tuple[float, float, float, float]:
    """Return the area of *page* without its rotation, as MuPDF gives text, pictures and paths."""
    area = page.rect
    sides = (area.height, area.width) if page.rotation % 180 else (area.width, area.height)
    return (0.0, 0.0, *sides)


def rotation_of(page: pymupdf.Page) -> pymupdf.Matrix:
    """Return the matrix that leads from places on *page* without its rotation to the shown page.

    PyMuPDF's own matrix is wrong for a rotated page whose unit is not a point.
    """
    width, height = page.rect.width, page.rect.height
    turns = {
        90: (0, 1, -1, 0, width, 0),
        180: (-1, 0, 0, -1, width, height),
        270: (0, -1, 1, 0, 0, height),
    }
    return pymupdf.Matrix(*turns.get(page.rotation % 360, (1, 0, 0, 1, 0, 0)))


def drawing_stats(page: pymupdf.Page) -> DrawingStats:
    """Return the measures of the drawing on *page*."""
    images, paths, whole = 0.0, 0, pymupdf.Rect(area_of(page))
    for kind, box in page.get_bboxlog():
        if kind.startswith("fill-im"):  # fill-image, fill-imgmask
            images += abs(pymupdf.Rect(box) & whole)
        elif kind.endswith("-path"):
            paths += 1
    area = abs(whole) or 1.0
    return DrawingStats(image_cover=min(images / area, 1.0), paths=paths)


def fitting_dpi(width: float, height: float, dpi: int, max_pixels: int) -> int:
    """Return the resolution, at most *dpi*, at which a page has at most *max_pixels*.

    *width* and *height* are the size of the page in points.
    """
    square_inches = max(width * height / POINTS_PER_INCH**2, 1e-9)
    return max(1, min(dpi, int(math.sqrt(max_pixels / square_inches))))


def legible_dpi(page: pymupdf.Page, dpi: int, max_pixels: int, *, max_side: int) -> int:
    """Return the resolution at which to recognise *page*, at most *dpi*.

    *max_side*: the most pixels of a side of the image.

    Raises:
        PermanentError: PDF_PAGE_TOO_LARGE, an image within these limits would not be legible.
    """
    longest = max(page.rect.width, page.rect.height, 1.0)
    fitting = fitting_dpi(page.rect.width, page.rect.height, dpi, max_pixels)
    fitting = min(fitting, int(max_side * POINTS_PER_INCH / longest))
    if fitting < min(LEAST_DPI, dpi):
        width, height = (round(side) for side in (page.rect.width, page.rect.height))
        message = f"the page is too large to be read as an image ({width} x {height} points)"
        raise PermanentError(message, code=ErrorCode.PDF_PAGE_TOO_LARGE)
    return fitting


def render_jpeg(
    page: pymupdf.Page, *, dpi: int, max_side: int, max_pixels: int, quality: int
) -> tuple[bytes, int, int]:
    """Return *page* as a JPEG, and its width and height in pixels, each at most *max_side*."""
    width, height = page.rect.width, page.rect.height
    fitting = fitting_dpi(width, height, dpi, max_pixels)
    scale = min(fitting / POINTS_PER_INCH, (max_side - 1) / max(width, height, 1.0))
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csRGB, alpha=False
    )
    return pixmap.tobytes("jpeg", jpg_quality=quality), pixmap.width, pixmap.height


def render_png(page: pymupdf.Page, place: Sequence[float], *, dpi: int, max_pixels: int) -> bytes:
    """Return what *page* shows at *place* as a PNG of at most *max_pixels*.

    *place*: the left, upper, right and lower side in points of the page as it is shown.
    """
    clip = pymupdf.Rect(place) & page.rect
    scale = fitting_dpi(clip.width, clip.height, dpi, max_pixels) / POINTS_PER_INCH
    pixmap = page.get_pixmap(
        matrix=pymupdf.Matrix(scale, scale), clip=clip, colorspace=pymupdf.csRGB, alpha=False
    )
    return bytes(pixmap.tobytes("png"))
