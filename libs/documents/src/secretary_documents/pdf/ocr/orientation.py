"""Finds the script of a page, and how the page is turned, with Tesseract's model ``osd``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tesserocr import PSM, PyTessBaseAPI

from secretary_documents.pdf.ocr.picture import PagePicture
from secretary_documents.pdf.ocr.script import ScriptGuess
from secretary_documents.pdf.ocr_models import ORIENTATION, available_models

_SURE = 2.0
"""The least confidence in the direction, on Tesseract's scale."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How the letters of a page look."""

    guess: ScriptGuess
    turned: int
    """By how many degrees the page is turned clockwise: 0, 90, 180 or 270."""


class OrientationModel:
    """Looks at pictures with the model ``osd``, if it is installed. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        """*folder*: the folder with Tesseract's models."""
        self._folder = folder
        self._api: PyTessBaseAPI | None = None

    def look(self, picture: PagePicture) -> Orientation | None:
        """Return the orientation of *picture*; None if it has too few letters to be sure."""
        if ORIENTATION not in available_models(self._folder):
            return None
        if self._api is None:
            self._api = PyTessBaseAPI(path=f"{self._folder}/", lang=ORIENTATION, psm=PSM.OSD_ONLY)
        self._api.SetImageBytes(picture.pixels, picture.width, picture.height, 1, picture.stride)
        self._api.SetSourceResolution(picture.dpi)
        found = self._api.DetectOrientationScript()
        if not found:
            return None
        turned = int(found["orient_deg"]) if found["orient_conf"] >= _SURE else 0
        guess = ScriptGuess(str(found["script_name"]), float(found["script_conf"]))
        return Orientation(guess, turned)
