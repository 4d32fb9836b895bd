"""Opens and unlocks a document, describes it, and copies its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error
from secretary_documents.pdf.mupdf.page_tree import mend_pages

_HANDLER = re.compile(r"unknown encryption handler: '([^'\n]{0,40})'")
# The names of public-key security handlers (ISO 32000-1, 7.6.4).
_CERTIFICATE_HANDLERS = frozenset({"Adobe.PubSec", "Adobe.PPKLite", "Entrust.PPKEF"})


def silence_mupdf() -> None:
    """Stop MuPDF from printing errors and warnings about odd files."""
    pymupdf.TOOLS.mupdf_display_errors(False)  # noqa: FBT003 - its signature
    pymupdf.TOOLS.mupdf_display_warnings(False)  # noqa: FBT003 - its signature
    pymupdf.no_recommend_layout()
    # Boxes of letters are as high as the font size. Some fonts have far higher ones.
    pymupdf.TOOLS.set_small_glyph_heights(True)


def open_document(path: str, password: str | None, max_pages: int) -> pymupdf.Document:
    """Open and unlock the document at *path*.

    Raises:
        PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD,
            PDF_CERTIFICATE_REQUIRED or PDF_TOO_MANY_PAGES.
    """
    try:
        with raising_memory_error():
            # Without the type, MuPDF would also open HTML, images and archives.
            document = pymupdf.open(path, filetype="pdf")
            if document.needs_pass:
                _unlock(document, password)
            mend_pages(document, max_pages)
            pages = document.page_count
    except MUPDF_ERRORS as error:
        raise _refusal(error) from error
    if not document.is_pdf or pages == 0:  # a file beyond repair, for which MuPDF raises no error
        raise _invalid()
    if pages > max_pages:
        message = f"the document has {pages} pages, at most {max_pages} are allowed"
        raise PermanentError(message, code=ErrorCode.PDF_TOO_MANY_PAGES)
    return document


def _refusal(error: Exception) -> PermanentError:
    """Return the error for a document that MuPDF cannot open. Only its message shows the cause."""
    found = _HANDLER.search(f"{error} {error.__cause__}")
    if found is None:
        return _invalid()
    if found[1] in _CERTIFICATE_HANDLERS:
        message = "the document is encrypted for the owner of a certificate: decrypt it first"
        return PermanentError(message, code=ErrorCode.PDF_CERTIFICATE_REQUIRED)
    message = f"the document is encrypted by an unknown method ({found[1]})"
    return PermanentError(message, code=ErrorCode.PDF_INVALID)


def _invalid() -> PermanentError:
    return PermanentError("the file is not a readable PDF", code=ErrorCode.PDF_INVALID)


def _unlock(document: pymupdf.Document, password: str | None) -> None:
    if password is None:
        message = "the document is encrypted: give its password"
        raise PermanentError(message, code=ErrorCode.PDF_PASSWORD_REQUIRED)
    if not document.authenticate(password):
        message = "the password does not open the document"
        raise PermanentError(message, code=ErrorCode.PDF_WRONG_PASSWORD)


def load_page(document: pymupdf.Document, number: int) -> pymupdf.Page:
    """Return page *number*, counted from 1; without its annotations if MuPDF cannot read them.

    Raises:
        RuntimeError: and other ``MUPDF_ERRORS``, the page cannot be read.
    """
    page: pymupdf.Page
    try:
        page = document.load_page(number - 1)
    except MUPDF_ERRORS:
        document.xref_set_key(document.page_xref(number - 1), "Annots", "null")
        page = document.load_page(number - 1)
    return page


def describe(document: pymupdf.Document) -> dict[str, Any]:
    """Return the page count, title and author of *document*.

    Return also whether MuPDF repaired it, and whether it has a form.
    """
    found = document.metadata or {}
    return {
        "page_count": document.page_count,
        "title": found.get("title") or None,
        "author": found.get("author") or None,
        "repaired": bool(document.is_repaired),
        "form": bool(document.is_form_pdf),
    }


def copy_pages(document: pymupdf.Document, pages: Sequence[int]) -> bytes:
    """Return a PDF of *pages* in this order, without a password.

    The caller must not use *document* afterwards.

    Raises:
        PermanentError: PDF_INVALID, the pages cannot be copied.
    """
    with suppress(*MUPDF_ERRORS):
        return _copied(document, pages)
    try:
        return _copied(_rewritten(document, pages), range(1, len(pages) + 1))
    except MUPDF_ERRORS as error:
        message = "pages of the PDF cannot be copied"
        raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error


@raising_memory_error()
def _copied(document: pymupdf.Document, pages: Sequence[int]) -> bytes:
    with pymupdf.open() as copy:
        for first, last in page_runs(pages):
            copy.insert_pdf(document, from_page=first - 1, to_page=last - 1)
        # Objects that the pages do not use are left out.
        return bytes(copy.tobytes(garbage=3, deflate=True))


@raising_memory_error()
def _rewritten(document: pymupdf.Document, pages: Sequence[int]) -> pymupdf.Document:
    """Return *pages* of *document* as a document without references to missing objects.

    ISO 32000-1 (7.3.10) treats a missing object as null, but MuPDF does not copy a reference to it.
    """
    document.select([number - 1 for number in pages])
    content = document.tobytes(garbage=1, encryption=pymupdf.mupdf.PDF_ENCRYPT_NONE)
    return pymupdf.open(stream=content, filetype="pdf")


def page_runs(pages: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each run of consecutive *pages*."""
    start = 0
    for index, number in enumerate(pages, start=1):
        if index == len(pages) or pages[index] != number + 1:
            yield pages[start], number
            start = index
