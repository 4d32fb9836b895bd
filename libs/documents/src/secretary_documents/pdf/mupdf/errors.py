"""The errors of MuPDF, and how to recognise the one for "out of memory"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pymupdf

MUPDF_ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)
"""The errors that PyMuPDF raises for a document or a page that it cannot read."""
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
