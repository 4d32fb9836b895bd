"""Recognises the text of a page with Tesseract. Runs in the child process only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf
from tesserocr import (
    PSM,
    RIL,
    LeptLogLevel,
    PyTessBaseAPI,
    iterate_level,
    set_leptonica_log_level,
)

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.method_choice import count_letters
from secretary_documents.pdf.mupdf import legible_dpi
from secretary_documents.pdf.ocr_models import ORIENTATION, available_models
from secretary_documents.pdf.read_options import OCR_DPI

# A page with less text than about three lines gets a second pass with local thresholds (Sauvola).
# Tesseract's confidence cannot decide this, because it is high for the few words of a bad scan.
POOR_YIELD_LETTERS = 200
SECOND_PASS_GAIN = 1.25
_SAUVOLA = "2"
_OTSU = "0"
_LINES = RIL.TEXTLINE
# Pictures have lines that are no text, so only lines of which Tesseract is sure are kept.
_LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Recognition:
    """The text that was recognised on a page."""

    text: str
    confidence: float
    """Tesseract's confidence in the text that it found, 0 to 1."""

    @property
    def letters(self) -> int:
        """The number of recognised letters and digits."""
        return count_letters(self.text)


class Recogniser:
    """Recognises pages, always with the same languages. Not thread-safe."""

    def __init__(self, languages: Sequence[str], folder: Path, max_pixels: int) -> None:
        """Load *languages* from *folder*. Images of pages have at most *max_pixels*."""
        set_leptonica_log_level(LeptLogLevel.NONE)
        # Tesseract needs the model "osd" to detect how a page is rotated.
        mode = PSM.AUTO_OSD if ORIENTATION in available_models(folder) else PSM.AUTO
        self._api = PyTessBaseAPI(path=f"{folder}/", lang="+".join(languages), psm=mode)
        self._max_pixels = max_pixels

    def read(self, page: pymupdf.Page) -> Recognition:
        """Return the text on the image of *page*.

        Raises:
            PermanentError: PDF_PAGE_TOO_LARGE.
        """
        dpi = legible_dpi(page, OCR_DPI, self._max_pixels)
        pixmap = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
        first = self._pass(pixmap, dpi, _OTSU)
        if first.letters >= POOR_YIELD_LETTERS:
            return first
        second = self._pass(pixmap, dpi, _SAUVOLA)
        return second if second.letters >= max(first.letters * SECOND_PASS_GAIN, 1) else first

    def read_picture(self, page: pymupdf.Page, place: Box) -> Recognition:
        """Return the lines of text inside *place* that are recognised with confidence.

        Raises:
            PermanentError: PDF_PAGE_TOO_LARGE.
        """
        dpi = legible_dpi(page, OCR_DPI, self._max_pixels)
        clip = pymupdf.Rect(place)
        pixmap = page.get_pixmap(dpi=dpi, clip=clip, colorspace=pymupdf.csGRAY, alpha=False)
        mode = self._api.GetPageSegMode()
        self._api.SetPageSegMode(PSM.SPARSE_TEXT)
        try:
            self._api.SetVariable("thresholding_method", _OTSU)
            self._api.SetImageBytes(pixmap.samples, pixmap.width, pixmap.height, 1, pixmap.stride)
            self._api.SetSourceResolution(dpi)
            self._api.Recognize()
            found = [self._line(one) for one in iterate_level(self._api.GetIterator(), _LINES)]
        finally:
            self._api.SetPageSegMode(mode)
        kept = [(text, sure) for text, sure in found if text and sure >= _LEAST_CONFIDENCE]
        if not kept:
            return Recognition("", 0.0)
        confidence = sum(sure for _, sure in kept) / len(kept)
        return Recognition("\n".join(text for text, _ in kept), round(confidence, 2))

    @staticmethod
    def _line(found: Any) -> tuple[str, float]:
        try:
            return " ".join(found.GetUTF8Text(_LINES).split()), found.Confidence(_LINES) / 100
        except RuntimeError:  # tesserocr raises this for a place without text
            return "", 0.0

    def _pass(self, pixmap: pymupdf.Pixmap, dpi: int, thresholding: str) -> Recognition:
        self._api.SetVariable("thresholding_method", thresholding)
        self._api.SetImageBytes(pixmap.samples, pixmap.width, pixmap.height, 1, pixmap.stride)
        self._api.SetSourceResolution(dpi)
        text = self._api.GetUTF8Text().strip()
        return Recognition(text, round(self._api.MeanTextConf() / 100, 2) if text else 0.0)
