"""The options for OCR in a child, and their part of the cache's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from secretary_documents.pdf.ocr_engine import OcrEngine, rapidocr_version, resolve_engine
from secretary_documents.pdf.ocr_models import (
    find_model_folder,
    model_folders,
    models_fingerprint,
)

# OCR at 200 dpi is as accurate as at 300 dpi, and it takes two thirds of the time (measured).
OCR_DPI = 200


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """The OCR engine and its languages."""

    languages: tuple[str, ...]
    """By Tesseract's names. The order matters."""
    models: Path
    """The folder with Tesseract's models of the languages."""
    engine: OcrEngine = "tesseract"
    """``auto``: RapidOCR reads the pages of which Tesseract is not sure."""
    second_below: float = 0.0
    """The confidence, 0 to 1, under which ``auto`` uses RapidOCR."""

    @property
    def fingerprint(self) -> str:
        """Programs, models and settings that change the recognised text."""
        parts = [models_fingerprint(self.models, self.languages), f"{OCR_DPI} dpi"]
        if self.engine != "tesseract":
            parts.append(f"{self.engine} below {self.second_below:g}, {rapidocr_version()}")
        return ", ".join(parts)

    def request(self) -> dict[str, Any]:
        """Return the options as fields of a request to the child."""
        return {
            "languages": list(self.languages),
            "models": str(self.models),
            "engine": self.engine,
            "second_below": self.second_below,
        }

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """Return the options of a *request*. See ``request``."""
        return cls(
            tuple(request["languages"]),
            Path(request["models"]),
            request.get("engine", "tesseract"),
            request.get("second_below", 0.0),
        )


def make_ocr_options(
    languages: Sequence[str],
    tessdata: Path | None,
    *,
    engine: OcrEngine = "auto",
    second_below: float = 0.0,
) -> OcrOptions:
    """Return the options for the installed engines.

    *tessdata* is a folder with languages in addition to the built-in languages.

    Raises:
        PermanentError: OCR_LANGUAGE_MISSING, OCR_ENGINE_MISSING.
        WorkerUnfit: OCR_LANGUAGE_MISSING, this worker has no language at all.
    """
    resolved = resolve_engine(engine, second_below)
    folder = find_model_folder(languages, model_folders(tessdata))
    return OcrOptions(tuple(languages), folder, resolved, second_below)
