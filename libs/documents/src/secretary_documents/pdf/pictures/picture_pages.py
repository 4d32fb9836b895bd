"""Makes a PDF out of a picture, so that the picture is read like a scan.

Runs in the child process only. The same picture gives the same bytes, so its pages are found in the
cache.
"""

from __future__ import annotations

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error

_PNG = b"\x89PNG\r\n\x1a\n"


def pdf_of_picture(content: bytes, *, max_pages: int, max_pixels: int) -> bytes:
    """Return a PDF with a page for each page of a PNG, JPEG or TIFF file.

    The orientation that a camera has noted is kept.

    Raises:
        PermanentError: DOCUMENT_INVALID, or DOCUMENT_TOO_LARGE.
    """
    _check_head(content, max_pixels)
    try:
        with raising_memory_error(), pymupdf.open(stream=content) as document:
            if document.page_count > max_pages:
                message = f"the picture has {document.page_count} pages, at most {max_pages}"
                raise _too_large(message)
            for page in document:
                _check_pixels(page, max_pixels)
            return bytes(document.convert_to_pdf())
    except MUPDF_ERRORS as error:
        message = "the picture is damaged"
        raise PermanentError(message, code=ErrorCode.DOCUMENT_INVALID) from error


def _check_head(content: bytes, max_pixels: int) -> None:
    """Refuse a PNG whose head promises too many pixels; MuPDF takes it for a damaged one."""
    if content.startswith(_PNG):
        width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
        _check_size(width, height, max_pixels)


def _check_pixels(page: pymupdf.Page, max_pixels: int) -> None:
    for image in page.get_image_info():
        _check_size(image["width"], image["height"], max_pixels)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise _too_large(f"the picture has {width} x {height} pixels, at most {max_pixels}")


def _too_large(message: str) -> PermanentError:
    return PermanentError(message, code=ErrorCode.DOCUMENT_TOO_LARGE)
