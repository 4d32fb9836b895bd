"""The options for reading pages in a child, and their part of the cache's key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any, Literal

from secretary_documents.pdf.ocr_options import OcrOptions

LocalMethod = Literal["native", "ocr", "combined"]
Output = Literal["text", "markdown", "html", "json"]

# Raise this number when new code changes the text of pages. Then old cache entries are not used.
_EDITION = 13


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
    ocr: OcrOptions | None = None
    """None for the method ``native``."""

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
        if self.ocr:
            parts += [f"tesserocr {_version('tesserocr')}", self.ocr.fingerprint]
            parts.append(f"{self.max_pixels} pixels")
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
            "ocr": None if self.ocr is None else self.ocr.request(),
        }


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
