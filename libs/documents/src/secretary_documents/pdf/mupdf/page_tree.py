"""Mends the pages of files that other readers open, but MuPDF only in part.

MuPDF believes the number of pages that a file states, and shows nothing of a page whose crop box is
outside of its media box.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error

_DEEPEST = 64
_MOST_PARTS, _PARTS_A_PAGE = 1000, 10
"""No real tree has more parts than these for the allowed pages. MuPDF walks the whole tree for each
page, and parts that are shared at each level double its time with each level."""
_mupdf: Any = pymupdf.mupdf


class _TooLargeError(Exception):
    """There are more pages than may be counted, or the tree is too deep."""


def mend_pages(document: pymupdf.Document, most: int) -> None:
    """Let *document* have all pages of its page tree, and let each page show its content.

    A tree with more than *most* pages, or one that cannot be walked, stays as it is.

    Raises:
        PermanentError: PDF_INVALID, the tree has so many parts that MuPDF would not end.
    """
    if not document.is_pdf:
        return
    with suppress(*MUPDF_ERRORS, _TooLargeError), raising_memory_error():
        file = _mupdf.pdf_document_from_fz_document(document)
        root = _mupdf.pdf_dict_getp(_mupdf.pdf_trailer(file), "Root/Pages")
        if _mupdf.pdf_is_dict(root):
            _Tree(most).mend(root, 0)


class _Tree:
    def __init__(self, most: int) -> None:
        self._left = most
        self._parts_left = _MOST_PARTS + _PARTS_A_PAGE * most

    def mend(self, node: Any, depth: int) -> int:
        """Mend the pages below *node*, and its count. Return how many there are."""
        if depth > _DEEPEST:
            raise _TooLargeError
        self._parts_left -= 1
        if self._parts_left < 0:
            message = "the tree of the PDF's pages has too many parts"
            raise PermanentError(message, code=ErrorCode.PDF_INVALID)
        kids = _mupdf.pdf_dict_get(node, _mupdf.PDF_ENUM_NAME_Kids)
        found = 0
        for at in range(_mupdf.pdf_array_len(kids)):
            kid = _mupdf.pdf_array_get(kids, at)
            if _has_kids(kid):
                found += self.mend(kid, depth + 1)
                continue
            self._left -= 1
            if self._left < 0:
                raise _TooLargeError
            found += 1
            if _mupdf.pdf_is_dict(kid):
                _mend_page(kid)
        stated = _mupdf.pdf_dict_get(node, _mupdf.PDF_ENUM_NAME_Count)
        if not _mupdf.pdf_is_int(stated) or _mupdf.pdf_to_int(stated) != found:
            _mupdf.pdf_dict_put_int(node, _mupdf.PDF_ENUM_NAME_Count, found)
        return found


def _has_kids(node: Any) -> bool:
    """Return whether MuPDF takes *node* for a part of the tree, and not for a page."""
    kind = _mupdf.pdf_dict_get(node, _mupdf.PDF_ENUM_NAME_Type)
    if _mupdf.pdf_is_name(kind):
        return bool(_mupdf.pdf_name_eq(kind, _mupdf.PDF_ENUM_NAME_Pages))
    has_kids = _mupdf.pdf_is_array(_mupdf.pdf_dict_get(node, _mupdf.PDF_ENUM_NAME_Kids))
    has_box = _mupdf.pdf_is_array(_mupdf.pdf_dict_get(node, _mupdf.PDF_ENUM_NAME_MediaBox))
    return bool(has_kids and not has_box)


def _mend_page(page: Any) -> None:
    """Replace a crop box that shows nothing of *page*, and remove a unit that is not above 0."""
    crop = _mupdf.pdf_dict_get_inheritable(page, _mupdf.PDF_ENUM_NAME_CropBox)
    if _mupdf.pdf_is_array(crop):
        media = _mupdf.pdf_to_rect(
            _mupdf.pdf_dict_get_inheritable(page, _mupdf.PDF_ENUM_NAME_MediaBox)
        )
        shown = _mupdf.fz_intersect_rect(_mupdf.pdf_to_rect(crop), media)
        if _mupdf.fz_is_empty_rect(shown) and not _mupdf.fz_is_empty_rect(media):
            _mupdf.pdf_dict_put_rect(page, _mupdf.PDF_ENUM_NAME_CropBox, media)
    unit = _mupdf.pdf_dict_get(page, _mupdf.PDF_ENUM_NAME_UserUnit)
    if _mupdf.pdf_is_number(unit) and _mupdf.pdf_to_real(unit) <= 0:
        _mupdf.pdf_dict_del(page, _mupdf.PDF_ENUM_NAME_UserUnit)
