"""Recognises the text of pages and of pictures on pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pymupdf

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.ocr.picture import draw
from secretary_documents.pdf.ocr.recognition import Recognition
from secretary_documents.pdf.ocr.scan_tables import tables_in
from secretary_documents.pdf.ocr.tesseract import Tesseract


class Recogniser:
    """Recognises pages, always with the same languages. Not thread-safe."""

    def __init__(self, languages: Sequence[str], folder: Path, max_pixels: int) -> None:
        """Load *languages* from *folder*. Pictures of pages have at most *max_pixels*."""
        self._tesseract = Tesseract(languages, folder)
        self._max_pixels = max_pixels

    def read(self, page: pymupdf.Page) -> Recognition:
        """Return the text of *page*.

        Raises:
            PermanentError: PDF_PAGE_TOO_LARGE.
        """
        picture = draw(page, self._max_pixels)
        found = self._tesseract.read(picture)
        words = (Word(word.box, word.text) for word in found.words)
        return replace(found, tables=tuple(tables_in(picture, words)))

    def read_picture(self, page: pymupdf.Page, place: Box) -> Recognition:
        """Return the lines of text inside *place* that are recognised with confidence.

        Raises:
            PermanentError: PDF_PAGE_TOO_LARGE.
        """
        return self._tesseract.read_sparse(draw(page, self._max_pixels, place))
