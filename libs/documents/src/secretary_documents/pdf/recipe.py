"""How pages are to be read in the child: everything that changes what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from secretary_documents.pdf.language import built_in_folder, find_folder, fingerprint

LocalMethod = Literal["native", "ocr", "combined"]
Output = Literal["text", "markdown"]

# Measured: 200 dpi reads as well as 300 and takes two thirds of the time.
OCR_DPI = 200
# Raise it whenever other text comes out of the same page: what is cached is not used then.
_EDITION = 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to read pages; equal recipes give equal text."""

    method: LocalMethod
    output: Output
    max_pixels: int
    """Of the picture a page is recognised on."""
    languages: tuple[str, ...] = ()
    """For OCR; the order counts."""
    models: Path | None = None
    """The folder with their models."""

    @property
    def recognises(self) -> bool:
        """Whether pages may be read as pictures."""
        return self.method != "native"

    @property
    def engine(self) -> str:
        """What reads, in which version, with which settings: a part of the cache's key."""
        parts = [self.method, self.output, f"edition {_EDITION}", f"pymupdf {_version('pymupdf')}"]
        if self.recognises and self.models:
            models = fingerprint(self.models, self.languages)
            parts += [f"tesserocr {_version('tesserocr')}", models]
            parts += [f"{OCR_DPI} dpi", f"{self.max_pixels} pixels"]
        return ", ".join(parts)

    def request(self) -> dict[str, Any]:
        """The recipe as the child takes it."""
        return {
            "method": self.method,
            "output": self.output,
            "languages": list(self.languages),
            "models": None if self.models is None else str(self.models),
        }


def make_recipe(
    method: LocalMethod,
    output: Output,
    *,
    max_pixels: int,
    languages: Sequence[str],
    tessdata: Path | None,
) -> Recipe:
    """The recipe for *method*; *tessdata* is a folder with more languages than the built-in ones.

    Raises:
        PermanentError: OCR_LANGUAGE_MISSING.
    """
    if method == "native":
        return Recipe(method, output, max_pixels)
    extra = [tessdata.absolute()] if tessdata else []
    folder = find_folder(languages, [built_in_folder(), *extra])
    return Recipe(method, output, max_pixels, tuple(languages), folder)


@lru_cache(maxsize=8)
def _version(package: str) -> str:
    """The installed version of *package*; PyMuPDF comes as either of two packages."""
    for name in (package, f"{package}-lite"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"
