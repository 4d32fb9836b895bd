"""Recognises the text of a page with Tesseract. Runs in the child process only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from tesserocr import PSM, PyTessBaseAPI

from secretary_documents.pdf.method_choice import count_letters
from secretary_documents.pdf.mupdf import legible_dpi
from secretary_documents.pdf.ocr_models import ORIENTATION, available_models
from secretary_documents.pdf.read_options import OCR_DPI

# Tesseract is confident about the few words it finds on a bad scan. So the amount of text decides,
# not the confidence: a page with less than about three lines gets a second pass, with local
# thresholds (Sauvola).
POOR_YIELD_LETTERS = 200
SECOND_PASS_GAIN = 1.25
_SAUVOLA = "2"
_OTSU = "0"


@dataclass(frozen=True, slots=True)
class Recognition:
    """The text that was recognised on a page."""

    text: str
    confidence: float
    """As Tesseract reports it, 0 to 1. It says little about text that Tesseract missed."""

    @property
    def letters(self) -> int:
        """How many letters and digits were recognised."""
        return count_letters(self.text)


class Recogniser:
    """Reads pages as images. Not thread-safe. It stays loaded until the child ends."""

    def __init__(self, languages: Sequence[str], folder: Path, max_pixels: int) -> None:
        """Load *languages* from *folder*, to read images of *max_pixels* at most."""
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

    def _pass(self, pixmap: pymupdf.Pixmap, dpi: int, thresholding: str) -> Recognition:
        self._api.SetVariable("thresholding_method", thresholding)
        self._api.SetImageBytes(pixmap.samples, pixmap.width, pixmap.height, 1, pixmap.stride)
        self._api.SetSourceResolution(dpi)
        text = self._api.GetUTF8Text().strip()
        return Recognition(text, round(self._api.MeanTextConf() / 100, 2) if text else 0.0)
