"""Recognises the text of pages and of pictures on pages, with the OCR engine that fits."""

from __future__ import annotations

from dataclasses import replace

import pymupdf

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.ocr.orientation import OrientationModel
from secretary_documents.pdf.ocr.picture import PagePicture, draw, is_photo
from secretary_documents.pdf.ocr.rapid import Rapid
from secretary_documents.pdf.ocr.recognition import Recognition
from secretary_documents.pdf.ocr.script import RAPIDOCR_SCRIPTS, foreign_script
from secretary_documents.pdf.ocr.tesseract import Tesseract
from secretary_documents.pdf.ocr.turned_tables import tables_on
from secretary_documents.pdf.ocr_options import OcrOptions

# On 290 pages the confidence was lower only for receipts on thermal paper, for drawings and for
# handwriting. Ten texts in nine other scripts had 0.60 or less, read as Latin letters.
DOUBTFUL = 0.7
# RapidOCR is less sure of a page in a script that its models do not know, such as Korean.
_SURE = 0.8
_LEAST_LETTERS = 20
"""A page with fewer letters has too few for a guess of its script."""
_SCAN_SHARE = 0.5
"""The share of a page that the pictures of a scan cover at least."""


class Recogniser:
    """Recognises pages, always with the same options. Not thread-safe."""

    def __init__(self, options: OcrOptions, max_pixels: int) -> None:
        """*max_pixels*: the most pixels of the picture of a page."""
        self._options = options
        self._max_pixels = max_pixels
        self._folder = options.models
        self._orientation = OrientationModel(self._folder)
        self._tesseract: Tesseract | None = None
        self._rapid: Rapid | None = None

    def read(self, page: pymupdf.Page) -> Recognition:
        """Return the text of *page*; no text if its script is none of the languages.

        Raises:
            PermanentError: PDF_PAGE_TOO_LARGE.
        """
        picture = draw(page, self._max_pixels)
        found = self._recognise(page, picture)
        return replace(found, tables=tables_on(page, picture, found, self._max_pixels))

    def read_picture(self, page: pymupdf.Page, place: Box) -> Recognition:
        """Return the lines of text inside *place* that are recognised with confidence.

        Photos are not read, because OCR finds only noise there.

        Raises:
            PermanentError: PDF_PAGE_TOO_LARGE.
        """
        picture = draw(page, self._max_pixels, place)
        if is_photo(picture):
            return Recognition()
        found = self._read_part(picture)
        if found.letters or not page.rotation:
            return found
        # Some pages are turned by mistake. Their text and pictures are upright without the turn.
        return self._read_part(draw(page, self._max_pixels, place, turned=page.rotation))

    def _read_part(self, picture: PagePicture) -> Recognition:
        if self._options.engine == "rapidocr":
            return self._rapid_engine().read(picture)
        return self._tesseract_engine().read_sparse(picture)

    def _recognise(self, page: pymupdf.Page, picture: PagePicture) -> Recognition:
        if self._options.engine == "rapidocr":
            return self._read_rapid(page, picture, 0)
        first = self._tesseract_engine().read(picture, drawn=not _is_scan(page))
        below = self._options.second_below if self._options.engine == "auto" else 0.0
        if first.confidence >= max(below, DOUBTFUL):
            return first
        return self._read_doubtful(page, picture, first, below)

    def _read_doubtful(
        self, page: pymupdf.Page, picture: PagePicture, first: Recognition, below: float
    ) -> Recognition:
        """Return the better of *first* and the text that RapidOCR finds on *page*."""
        found = self._orientation.look(picture)
        languages = self._options.languages
        foreign = foreign_script(found.guess, languages, first.sure_share) if found else None
        if first.confidence < below and (foreign is None or foreign in RAPIDOCR_SCRIPTS):
            second = self._read_rapid(page, picture, found.turned if found else 0)
            least = _SURE if foreign else first.confidence
            if second.confidence > least:
                return second
        doubtful = first.confidence < DOUBTFUL and first.letters >= _LEAST_LETTERS
        return Recognition(missing_script=foreign) if foreign and doubtful else first

    def _read_rapid(self, page: pymupdf.Page, picture: PagePicture, turned: int) -> Recognition:
        upright = draw(page, self._max_pixels, turned=turned) if turned else picture
        return self._rapid_engine().read(upright)

    def _tesseract_engine(self) -> Tesseract:
        if self._tesseract is None:
            self._tesseract = Tesseract(self._options.languages, self._folder)
        return self._tesseract

    def _rapid_engine(self) -> Rapid:
        if self._rapid is None:
            self._rapid = Rapid()
        return self._rapid


def _is_scan(page: pymupdf.Page) -> bool:
    """Return whether pictures cover half of *page*."""
    areas = (abs(pymupdf.Rect(image["bbox"])) for image in page.get_image_info())
    return bool(sum(areas) > _SCAN_SHARE * abs(page.rect))
