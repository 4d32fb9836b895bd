"""The errors of MuPDF, and how to recognise the one for "out of memory"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pymupdf

MUPDF_ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)
"""The errors that PyMuPDF raises for a document or a page that it cannot read."""
ODD_PAGE_ERRORS = (
    *MUPDF_ERRORS,
    *(ArithmeticError, AssertionError, AttributeError, LookupError, SystemError, TypeError),
)
"""All errors that an odd page may raise, also in the Python code of PyMuPDF and in the layout."""
Measured = TypeVar("Measured")
_NO_MEMORY = re.compile(r"\b[mc]?(?:re)?alloc \([^()\n]*+\) failed")


@contextmanager
def raising_memory_error() -> Iterator[None]:
    """Turn MuPDF's error for "out of memory" into ``MemoryError``."""
    try:
        yield
    except MUPDF_ERRORS as error:
        # Only the message shows the cause. The class is the same as for an unreadable file.
        if _NO_MEMORY.search(f"{error} {error.__cause__}"):
            raise MemoryError from error
        raise


def or_else(
    measure: Callable[[pymupdf.Page], Measured], page: pymupdf.Page, otherwise: Measured
) -> Measured:
    """Return what *measure* says of *page*; *otherwise* if this part of the page is not readable.

    Raises:
        MemoryError: MuPDF has no memory left.
    """
    try:
        with raising_memory_error():
            return measure(page)
    except ODD_PAGE_ERRORS:
        return otherwise
