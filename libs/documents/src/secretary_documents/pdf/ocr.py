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

# A page with less text than about three lines gets a second pass with local thresholds (Sauvola).
# Tesseract's confidence cannot decide this, because it is high for the few words of a bad scan.
POOR_YIELD_LETTERS = 200
SECOND_PASS_GAIN = 1.25
_SAUVOLA = "2"
_OTSU = "0"


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
