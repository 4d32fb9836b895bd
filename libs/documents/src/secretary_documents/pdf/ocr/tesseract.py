"""Reads pictures of pages with Tesseract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tesserocr import PSM, LeptLogLevel, PyTessBaseAPI, set_leptonica_log_level

from secretary_documents.pdf.ocr.picture import PagePicture
from secretary_documents.pdf.ocr.recognition import (
    RecognisedLine,
    RecognisedWord,
    Recognition,
)
from secretary_documents.pdf.ocr_models import ORIENTATION, available_models

# A page with less text than about three lines gets a second pass with local thresholds (Sauvola).
# Tesseract's confidence cannot decide this, because it is high for the few words of a bad scan.
POOR_YIELD_LETTERS = 200
SECOND_PASS_GAIN = 1.25
_SAUVOLA = "2"
_OTSU = "0"
# Pictures have lines that are no text, so only lines of which Tesseract is sure are kept.
_LEAST_CONFIDENCE = 0.5
_WORD_LEVEL = "5"
_COLUMNS = 12


class Tesseract:
    """Reads pictures, always with the same languages. Not thread-safe."""

    def __init__(self, languages: Sequence[str], folder: Path) -> None:
        """Load *languages* from *folder*."""
        set_leptonica_log_level(LeptLogLevel.NONE)
        # Tesseract needs the model "osd" to detect how a page is rotated.
        self._mode = PSM.AUTO_OSD if ORIENTATION in available_models(folder) else PSM.AUTO
        self._api = PyTessBaseAPI(path=f"{folder}/", lang="+".join(languages), psm=self._mode)

    def read(self, picture: PagePicture, *, drawn: bool = False) -> Recognition:
        """Return the text of a whole page.

        *drawn*: the page is no scan, but has outlines of letters. These often stand on colours, for
        which local thresholds are better.
        """
        usual, other = (_SAUVOLA, _OTSU) if drawn else (_OTSU, _SAUVOLA)
        first = self._pass(picture, usual)
        if first.letters >= POOR_YIELD_LETTERS:
            return first
        second = self._pass(picture, other)
        return second if second.letters >= max(first.letters * SECOND_PASS_GAIN, 1) else first

    def read_sparse(self, picture: PagePicture) -> Recognition:
        """Return the lines in a part of a page that are recognised with confidence."""
        self._api.SetPageSegMode(PSM.SPARSE_TEXT)
        try:
            found = self._pass(picture, _OTSU)
        finally:
            self._api.SetPageSegMode(self._mode)
        kept = tuple(line for line in found.lines if line.confidence >= _LEAST_CONFIDENCE)
        return Recognition((kept,) if kept else ())

    def _pass(self, picture: PagePicture, thresholding: str) -> Recognition:
        self._api.SetVariable("thresholding_method", thresholding)
        self._api.SetImageBytes(picture.pixels, picture.width, picture.height, 1, picture.stride)
        self._api.SetSourceResolution(picture.dpi)
        self._api.Recognize()
        return Recognition(tuple(_paragraphs(self._api.GetTSVText(0), picture)))


class _Row(NamedTuple):
    """A word in Tesseract's table: the numbers of its block, paragraph and line."""

    paragraph: tuple[str, str]
    line: str
    word: RecognisedWord


def _paragraphs(table: str, picture: PagePicture) -> Iterator[tuple[RecognisedLine, ...]]:
    for _, rows in groupby(_rows(table, picture), lambda row: row.paragraph):
        lines = groupby(rows, lambda row: row.line)
        yield tuple(RecognisedLine(tuple(row.word for row in line)) for _, line in lines)


def _rows(table: str, picture: PagePicture) -> Iterator[_Row]:
    for text in table.splitlines():
        cells = text.split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or cells[0] != _WORD_LEVEL or not cells[-1].strip():
            continue
        left, top, width, height = map(int, cells[6:10])
        box = picture.box(left, top, left + width, top + height)
        word = RecognisedWord(box, cells[-1].strip(), float(cells[10]) / 100)
        yield _Row((cells[2], cells[3]), cells[4], word)
