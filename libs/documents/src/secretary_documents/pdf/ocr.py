"""Optical character recognition with Tesseract. Runs in the child only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from tesserocr import PSM, PyTessBaseAPI

from secretary_documents.pdf.choice import count_letters
from secretary_documents.pdf.language import ORIENTATION, available
from secretary_documents.pdf.picture import legible_dpi
from secretary_documents.pdf.recipe import OCR_DPI

# Tesseract is sure of the few words it finds on a bad scan, so what counts is how much it found:
# with less than some three lines, the page gets a second pass, with local thresholds (Sauvola).
POOR_YIELD_LETTERS = 200
SECOND_PASS_GAIN = 1.25
_SAUVOLA = "2"
_OTSU = "0"


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was read off a page."""

    text: str
    confidence: float
    """Tesseract's own, 0 to 1; says little about what it overlooked."""

    @property
    def letters(self) -> int:
        """Letters and digits read."""
        return count_letters(self.text)


class Recogniser:
    """Reads pages as images; not for several threads. It stays loaded until the child ends."""

    def __init__(self, languages: Sequence[str], folder: Path, max_pixels: int) -> None:
        """Load *languages* from *folder*, to read pictures of *max_pixels* at most."""
        # Telling how a page is turned needs the model "osd".
        mode = PSM.AUTO_OSD if ORIENTATION in available(folder) else PSM.AUTO
        self._api = PyTessBaseAPI(path=f"{folder}/", lang="+".join(languages), psm=mode)
        self._max_pixels = max_pixels

    def read(self, page: pymupdf.Page) -> Recognition:
        """The text on the picture of *page*.

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
