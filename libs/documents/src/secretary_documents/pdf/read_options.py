"""The options for reading pages in a child, and their part of the cache's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from secretary_documents.pdf.ocr_models import (
    find_model_folder,
    model_folders,
    models_fingerprint,
)

LocalMethod = Literal["native", "ocr", "combined"]
Output = Literal["text", "markdown", "html", "json"]

# OCR at 200 dpi is as accurate as at 300 dpi, and it takes two thirds of the time (measured).
OCR_DPI = 200
# Raise this number when new code changes the text of pages. Then old cache entries are not used.
_EDITION = 5


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """The pictures of a page that become files."""

    min_points: float
    """The least width and height of a picture, in points."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options for a child. Equal fingerprints mean equal text for the same file."""

    method: LocalMethod
    output: Output
    max_pixels: int
    """The most pixels of the image on which a page is recognised."""
    keep_headers: bool = False
    """Whether running heads and feet stay in the text."""
    also: tuple[Output, ...] = ()
    """The other outputs of each page."""
    lines: bool = False
    """Whether the recognised lines of a page are kept with their places."""
    pictures: PictureOptions | None = None
    """The pictures of pages that become files; None keeps no picture."""
    languages: tuple[str, ...] = ()
    """The languages for OCR. The order matters."""
    models: Path | None = None
    """The folder with the models of the languages."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """All outputs of each page."""
        return (self.output, *self.also)

    @property
    def uses_ocr(self) -> bool:
        """Whether the method may recognise pages."""
        return self.method != "native"

    @property
    def fingerprint(self) -> str:
        """A part of the cache's key: programs, versions and settings that change the text."""
        parts = [self.method, self.output, f"edition {_EDITION}", f"pymupdf {_version('pymupdf')}"]
        if self.keep_headers:
            parts.append("with headers")
        if self.also:
            parts.append(f"also {' '.join(self.also)}")
        if self.lines and self.uses_ocr:
            parts.append("with lines")
        if self.pictures:
            parts.append(f"pictures from {self.pictures.min_points:g} points")
        if self.uses_ocr and self.models:
            models = models_fingerprint(self.models, self.languages)
            parts += [f"tesserocr {_version('tesserocr')}", models]
            parts += [f"{OCR_DPI} dpi", f"{self.max_pixels} pixels"]
        return ", ".join(parts)

    def request(self) -> dict[str, Any]:
        """Return the options as fields of a request to the child."""
        return {
            "method": self.method,
            "output": self.output,
            "keep_headers": self.keep_headers,
            "also": list(self.also),
            "lines": self.lines and self.uses_ocr,
            "pictures": asdict(self.pictures) if self.pictures else None,
            "languages": list(self.languages),
            "models": None if self.models is None else str(self.models),
        }


def make_read_options(
    method: LocalMethod,
    output: Output,
    *,
    max_pixels: int,
    languages: Sequence[str],
    tessdata: Path | None,
    **more: Any,
) -> ReadOptions:
    """Return the options for *method*.

    *tessdata* is a folder with languages in addition to the built-in languages. *more* are further
    fields of ``ReadOptions``.

    Raises:
        PermanentError: OCR_LANGUAGE_MISSING.
        WorkerUnfit: OCR_LANGUAGE_MISSING, this worker has no language at all.
    """
    if method == "native":
        return ReadOptions(method, output, max_pixels, **more)
    folder = find_model_folder(languages, model_folders(tessdata))
    found: dict[str, Any] = {"languages": tuple(languages), "models": folder}
    return ReadOptions(method, output, max_pixels, **found, **more)


@lru_cache(maxsize=8)
def _version(package: str) -> str:
    """Return the installed version of *package* or of ``<package>-lite``.

    PyMuPDF is published under both names.
    """
    for name in (package, f"{package}-lite"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"
