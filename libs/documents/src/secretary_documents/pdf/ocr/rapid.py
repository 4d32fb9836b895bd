"""Reads pictures of pages with RapidOCR, an optional package with its models in its wheel.

The package is imported when the first page needs it, because most children need it never.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from secretary_documents.pdf.layout.model import Box, hull
from secretary_documents.pdf.ocr.arrangement import arranged
from secretary_documents.pdf.ocr.picture import PagePicture
from secretary_documents.pdf.ocr.recognition import (
    RecognisedLine,
    RecognisedWord,
    Recognition,
)
from secretary_documents.pdf.ocr_engine import RAPIDOCR_MODELS, rapidocr_folder

_ONE_THREAD = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class Rapid:
    """Reads pictures with one thread. Not thread-safe."""

    def __init__(self) -> None:
        """Load the models. RapidOCR must be installed (``ocr_engine.rapidocr_folder``)."""
        import cv2  # noqa: PLC0415 - see the module
        from rapidocr import RapidOCR  # noqa: PLC0415 - see the module

        cv2.setNumThreads(1)
        folder = rapidocr_folder()
        models = {
            f"{part}.model_path": f"{folder}/{name}" for part, name in RAPIDOCR_MODELS.items()
        }
        self._engine = RapidOCR(params={"Global.log_level": "critical", **_ONE_THREAD, **models})

    def read(self, picture: PagePicture) -> Recognition:
        """Return the text of *picture*, in reading order."""
        import numpy  # noqa: PLC0415, ICN001 - see the module

        rows = numpy.frombuffer(picture.pixels, numpy.uint8)
        grey = rows.reshape(picture.height, picture.stride)[:, : picture.width]
        found = self._engine(numpy.repeat(grey[:, :, None], 3, axis=2), return_word_box=True)
        if not found.txts:
            return Recognition()
        lines = zip(found.txts, found.scores, found.boxes, found.word_results, strict=True)
        # The picture is upright, and the page perhaps is not.
        in_picture = arranged([_line(*line) for line in lines if line[0].strip()])
        on_page = tuple(tuple(_placed(one, picture) for one in part) for part in in_picture)
        return Recognition(on_page, engine="rapidocr")


def _line(text: str, score: float, corners: Any, words: Sequence[Any]) -> RecognisedLine:
    found = list(_words(words))
    if "".join(word.text for word in found) != "".join(text.split()):
        found = [RecognisedWord(_box(corners), text.strip(), float(score))]
    return RecognisedLine(tuple(found))


def _words(words: Sequence[Any]) -> Iterator[RecognisedWord]:
    for text, score, corners in words:
        if corners is not None and text.strip():
            yield RecognisedWord(_box(corners), text.strip(), float(score))


def _box(corners: Any) -> Box:
    """Return the box around *corners*, in pixels of the picture."""
    return hull(Box(x, y, x, y) for x, y in ((float(x), float(y)) for x, y in corners))


def _placed(line: RecognisedLine, picture: PagePicture) -> RecognisedLine:
    return RecognisedLine(tuple(replace(word, box=picture.box(*word.box)) for word in line.words))
