"""Chooses the OCR engine, and finds RapidOCR, the optional second engine, without importing it."""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from secretary_common.errors import ErrorCode, PermanentError

OcrEngine = Literal["auto", "tesseract", "rapidocr"]
RAPIDOCR = "rapidocr"
RAPIDOCR_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
"""The models in the wheel of RapidOCR: they find lines, turn them upright and read them."""

# RapidOCR and its libraries map some 1,300 MB for a page, and use 900 MB of it.
_MEMORY_MB = 1536


@lru_cache(maxsize=1)
def rapidocr_folder() -> Path | None:
    """Return the folder of RapidOCR's models; None if RapidOCR or a model is not installed.

    RapidOCR would download missing models, but a child of the sandbox has no network.
    """
    found = find_spec(RAPIDOCR)
    if found is None or found.origin is None or find_spec("onnxruntime") is None:
        return None
    folder = Path(found.origin).parent / "models"
    return folder if all((folder / name).is_file() for name in RAPIDOCR_MODELS.values()) else None


def rapidocr_version() -> str:
    """Return the versions of RapidOCR and of the library that runs its models."""
    return " ".join(f"{name} {metadata.version(name)}" for name in (RAPIDOCR, "onnxruntime"))


def more_memory_mb(below: float) -> int:
    """Return how much more address space children need if RapidOCR may read pages.

    *below*: see ``resolve_engine``.
    """
    return _MEMORY_MB if below and rapidocr_folder() is not None else 0


def resolve_engine(wanted: OcrEngine, below: float) -> OcrEngine:
    """Return the engine to use for *wanted*.

    ``auto`` becomes ``tesseract`` if RapidOCR is not installed, or if *below* is 0: the confidence
    of Tesseract under which RapidOCR reads a page too.

    Raises:
        PermanentError: OCR_ENGINE_MISSING.
    """
    if wanted == "tesseract" or (wanted == "auto" and not below):
        return "tesseract"
    if rapidocr_folder() is not None:
        return wanted
    if wanted == RAPIDOCR:
        message = "ocr_engine is rapidocr, but it is not installed: secretary-documents[rapidocr]"
        raise PermanentError(message, code=ErrorCode.OCR_ENGINE_MISSING)
    return "tesseract"
