"""Measures picture files and converts them to PNG. Runs in the child process only."""

from __future__ import annotations

import pymupdf

from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error

# MuPDF also opens SVG and other formats, which are no pixels.
_FIRST_BYTES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"BM")


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Return the width and the height of a picture in pixels; None if MuPDF does not read it."""
    if not content.startswith(_FIRST_BYTES):
        return None
    try:
        with raising_memory_error(), pymupdf.open(stream=content) as document:
            images = document[0].get_image_info()
    except MUPDF_ERRORS:
        return None
    return (int(images[0]["width"]), int(images[0]["height"])) if images else None


def to_png(content: bytes, max_pixels: int) -> bytes | None:
    """Return a picture as a PNG; None if it cannot be read or has more than *max_pixels*."""
    size = picture_size(content)
    if size is None or size[0] * size[1] > max_pixels:
        return None
    try:
        with raising_memory_error():
            pixmap = pymupdf.Pixmap(content)
            if pixmap.colorspace is None or pixmap.colorspace.n > pymupdf.csRGB.n:
                pixmap = pymupdf.Pixmap(pymupdf.csRGB, pixmap)
            return bytes(pixmap.tobytes("png"))
    except MUPDF_ERRORS:
        return None
