"""A PDF as MuPDF opens it: checked, unlocked, its pages chosen. Runs in the child only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.extract.choice import PageFacts, count_letters, unknown_share

# Ligatures come apart ("fi" can be searched for), and characters the file gives no meaning stay
# U+FFFD: MuPDF's default puts glyph numbers in their place, which read like text and are none.
TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
MUPDF_ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)
"""What PyMuPDF raises for a document, or a page, it cannot make sense of."""
_NO_MEMORY = re.compile(r"\b[mc]?(?:re)?alloc \(.*\) failed")
_HASH_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class PageRange:
    """The pages asked for: 1-based, inclusive; None means to the end of the document."""

    start: int
    end: int | None

    def within(self, page_count: int) -> range:
        """The page numbers, 1-based, that a document of *page_count* pages has of these.

        Raises:
            PermanentError: VALIDATION_ERROR, it has none.
        """
        if self.start > page_count:
            message = f"page_start is {self.start}, but the document has {page_count} pages"
            raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
        return range(self.start, min(self.end or page_count, page_count) + 1)


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
    document = _open(path)
    if document.needs_pass:
        _unlock(document, password)
    pages = document.page_count
    if not document.is_pdf or pages == 0:  # no error to MuPDF: a file too damaged to repair
        raise PermanentError("the file is no readable PDF", code=ErrorCode.PDF_INVALID)
    if pages > max_pages:
        message = f"the document has {pages} pages, at most {max_pages} are allowed"
        raise PermanentError(message, code=ErrorCode.PDF_TOO_MANY_PAGES)
    return document


def _open(path: str) -> pymupdf.Document:
    try:
        with out_of_memory_told():
            # The type is given: MuPDF would open HTML, images and archives just as gladly.
            return pymupdf.open(path, filetype="pdf")
    except MUPDF_ERRORS as error:
        message = "the file is no readable PDF"
        raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error


def _unlock(document: pymupdf.Document, password: str | None) -> None:
    if password is None:
        message = "the document is encrypted: give its password"
        raise PermanentError(message, code=ErrorCode.PDF_PASSWORD_REQUIRED)
    if not document.authenticate(password):
        message = "the password does not open the document"
        raise PermanentError(message, code=ErrorCode.PDF_WRONG_PASSWORD)


def describe(document: pymupdf.Document, path: str) -> dict[str, Any]:
    """What is to be said of the whole document."""
    found = document.metadata or {}
    return {
        "page_count": document.page_count,
        "title": found.get("title") or None,
        "author": found.get("author") or None,
        "sha256": _sha256(path),
        "repaired": bool(document.is_repaired),
    }


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:  # noqa: PTH123 - a descriptor's path, nothing pathlib improves
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def native_text(page: pymupdf.Page) -> str:
    """The text the page carries, in the order the file has it."""
    return str(page.get_text("text", flags=TEXT_FLAGS)).strip()


def look_at(page: pymupdf.Page, text: str) -> PageFacts:
    """The facts that decide how to read *page*, whose native text is *text*."""
    images, paths = 0.0, 0
    for kind, box in page.get_bboxlog():
        if kind.startswith("fill-im"):  # fill-image, fill-imgmask
            images += abs(pymupdf.Rect(box) & page.rect)
        elif kind.endswith("-path"):
            paths += 1
    area = abs(page.rect) or 1.0
    return PageFacts(
        letters=count_letters(text),
        unknown_share=unknown_share(text),
        image_cover=min(images / area, 1.0),
        paths=paths,
    )
