"""A PDF as MuPDF opens it: checked, unlocked, its pages chosen. Runs in the child only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.choice import DrawnFacts

# Ligatures come apart ("fi" can be searched for), and characters the file gives no meaning stay
# U+FFFD: MuPDF's default puts glyph numbers in their place, which read like text and are none.
TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
MUPDF_ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)
"""What PyMuPDF raises for a document, or a page, it cannot make sense of."""
_NO_MEMORY = re.compile(r"\b[mc]?(?:re)?alloc \([^()\n]*+\) failed")


def prepare() -> None:
    """Keep MuPDF quiet: its complaints about odd files are no errors."""
    pymupdf.TOOLS.mupdf_display_errors(False)  # noqa: FBT003 - its signature
    pymupdf.TOOLS.mupdf_display_warnings(False)  # noqa: FBT003 - its signature
    pymupdf.no_recommend_layout()


@contextmanager
def out_of_memory_told() -> Iterator[None]:
    """Turn MuPDF's way of saying "no memory" into ``MemoryError``."""
    try:
        yield
    except MUPDF_ERRORS as error:
        # Told by its words alone: the class is that of an unreadable file, or a RuntimeError.
        if _NO_MEMORY.search(f"{error} {error.__cause__}"):
            raise MemoryError from error
        raise


def open_document(path: str, password: str | None, max_pages: int) -> pymupdf.Document:
    """The document at *path*, unlocked.

    Raises:
        PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD or
            PDF_TOO_MANY_PAGES.
    """
    try:
        with out_of_memory_told():
            # The type is given: MuPDF would open HTML, images and archives just as gladly.
            document = pymupdf.open(path, filetype="pdf")
            if document.needs_pass:
                _unlock(document, password)
            pages = document.page_count
    except MUPDF_ERRORS as error:
        raise _invalid() from error
    if not document.is_pdf or pages == 0:  # no error to MuPDF: a file too damaged to repair
        raise _invalid()
    if pages > max_pages:
        message = f"the document has {pages} pages, at most {max_pages} are allowed"
        raise PermanentError(message, code=ErrorCode.PDF_TOO_MANY_PAGES)
    return document


def _invalid() -> PermanentError:
    return PermanentError("the file is no readable PDF", code=ErrorCode.PDF_INVALID)


def _unlock(document: pymupdf.Document, password: str | None) -> None:
    if password is None:
        message = "the document is encrypted: give its password"
        raise PermanentError(message, code=ErrorCode.PDF_PASSWORD_REQUIRED)
    if not document.authenticate(password):
        message = "the password does not open the document"
        raise PermanentError(message, code=ErrorCode.PDF_WRONG_PASSWORD)


def describe(document: pymupdf.Document) -> dict[str, Any]:
    """What is to be said of the whole document."""
    found = document.metadata or {}
    return {
        "page_count": document.page_count,
        "title": found.get("title") or None,
        "author": found.get("author") or None,
        "repaired": bool(document.is_repaired),
    }


def native_text(page: pymupdf.Page) -> str:
    """The text the page carries, in the order the file has it."""
    return str(page.get_text("text", flags=TEXT_FLAGS)).strip()


def look_at(page: pymupdf.Page) -> DrawnFacts:
    """What is drawn on *page*."""
    images, paths = 0.0, 0
    for kind, box in page.get_bboxlog():
        if kind.startswith("fill-im"):  # fill-image, fill-imgmask
            images += abs(pymupdf.Rect(box) & page.rect)
        elif kind.endswith("-path"):
            paths += 1
    area = abs(page.rect) or 1.0
    return DrawnFacts(image_cover=min(images / area, 1.0), paths=paths)


def subset_of(document: pymupdf.Document, pages: Sequence[int]) -> bytes:
    """A PDF of *pages* alone, in this order, without a password; it uses *document* up.

    Raises:
        PermanentError: PDF_INVALID, they cannot be copied.
    """
    with suppress(*MUPDF_ERRORS):
        return _copied(document, pages)
    try:
        return _copied(_rewritten(document, pages), range(1, len(pages) + 1))
    except MUPDF_ERRORS as error:
        message = "pages of the PDF cannot be copied"
        raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error


@out_of_memory_told()
def _copied(document: pymupdf.Document, pages: Sequence[int]) -> bytes:
    with pymupdf.open() as copy:
        for first, last in runs_of(pages):
            copy.insert_pdf(document, from_page=first - 1, to_page=last - 1)
        # What the pages do not use is left behind.
        return bytes(copy.tobytes(garbage=3, deflate=True))


@out_of_memory_told()
def _rewritten(document: pymupdf.Document, pages: Sequence[int]) -> pymupdf.Document:
    """*pages* of *document* as a document that holds no reference to what is not there.

    To a PDF such an object is null (ISO 32000-1, 7.3.10); to who copies one it is an error.
    """
    document.select([number - 1 for number in pages])
    content = document.tobytes(garbage=1, encryption=pymupdf.mupdf.PDF_ENCRYPT_NONE)
    return pymupdf.open(stream=content, filetype="pdf")


def runs_of(pages: Sequence[int]) -> Iterator[tuple[int, int]]:
    """*pages* as first and last of what follows one another."""
    start = 0
    for index, number in enumerate(pages, start=1):
        if index == len(pages) or pages[index] != number + 1:
            yield pages[start], number
            start = index
