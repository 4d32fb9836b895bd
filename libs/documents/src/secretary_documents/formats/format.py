"""The formats that can be read, and the optional packages that some of them need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec

from secretary_common.errors import ErrorCode, PermanentError

DOCKER = "SECRETARY_WORKER_EXTRAS=office"
"""The setting of ``docker-compose.yml`` with which the worker's image has all extras."""


class Way(StrEnum):
    """The way in which a format is read."""

    PDF = "pdf"
    """By ``documents/pdf``."""
    PICTURES = "pictures"
    """As the pages of a PDF, which are recognised like scans."""
    OFFICE = "office"
    """In another format, into which LibreOffice converts the file."""
    BLOCKS = "blocks"
    """By a reader that makes blocks."""


@dataclass(frozen=True, slots=True)
class Needs:
    """An optional package that reads a format."""

    module: str
    extra: str
    """The extra of ``secretary-documents`` that installs the package."""

    @property
    def install(self) -> str:
        """What pip installs."""
        return f"secretary-documents[{self.extra}]"


@dataclass(frozen=True, slots=True)
class Format:
    """One format of files."""

    name: str
    """The usual file extension."""
    media_type: str
    title: str
    """The name of the format in messages."""
    way: Way = Way.BLOCKS
    needs: Needs | None = None
    """The optional package that reads the format."""
    becomes: str | None = None
    """The name of the format into which LibreOffice converts the file."""

    @property
    def is_installed(self) -> bool:
        """Whether the optional package of the format is installed."""
        return self.needs is None or _is_installed(self.needs.module)

    def check_installed(self) -> None:
        """Check that the optional package of the format is installed.

        Raises:
            PermanentError: FORMAT_NOT_INSTALLED, with the extra that is missing.
        """
        if self.needs is not None and not self.is_installed:
            message = (
                f"{self.title} cannot be read, because an optional package is missing: "
                f'pip install "{self.needs.install}"; in Docker build the worker with {DOCKER}'
            )
            details = {"format": self.name, "extra": self.needs.extra}
            raise PermanentError(message, code=ErrorCode.FORMAT_NOT_INSTALLED, details=details)


@lru_cache(maxsize=16)
def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


_WORD = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
_SHEETS = Needs("python_calamine", "spreadsheets")
_OUTLOOK = Needs("olefile", "mail")
_WEBP = Needs("PIL", "images")
_HEIF = Needs("pillow_heif", "images")

_ALL = (
    Format("pdf", "application/pdf", "a PDF", Way.PDF),
    Format("docx", f"{_WORD}.wordprocessingml.document", "a Word document"),
    Format("pptx", f"{_WORD}.presentationml.presentation", "a PowerPoint presentation"),
    Format("xlsx", f"{_WORD}.spreadsheetml.sheet", "an Excel workbook", needs=_SHEETS),
    Format("odt", f"{_ODF}.text", "an OpenDocument text"),
    Format("ods", f"{_ODF}.spreadsheet", "an OpenDocument spreadsheet", needs=_SHEETS),
    Format("odp", f"{_ODF}.presentation", "an OpenDocument presentation"),
    Format("rtf", "application/rtf", "a rich text (RTF)"),
    Format("html", "text/html", "a web page (HTML)"),
    Format("epub", "application/epub+zip", "an electronic book (EPUB)"),
    Format("eml", "message/rfc822", "a mail (EML)"),
    Format("msg", "application/vnd.ms-outlook", "an Outlook mail (MSG)", needs=_OUTLOOK),
    Format("csv", "text/csv", "a table (CSV)"),
    Format("md", "text/markdown", "a Markdown text"),
    Format("txt", "text/plain", "a text"),
    Format("png", "image/png", "a PNG picture", Way.PICTURES),
    Format("jpeg", "image/jpeg", "a JPEG picture", Way.PICTURES),
    Format("tiff", "image/tiff", "a TIFF picture", Way.PICTURES),
    Format("webp", "image/webp", "a WebP picture", Way.PICTURES, needs=_WEBP),
    Format("heic", "image/heic", "a HEIC picture", Way.PICTURES, needs=_HEIF),
    Format("zip", "application/zip", "a ZIP archive"),
    Format("doc", "application/msword", "a Word 97 document", Way.OFFICE, becomes="docx"),
    Format(
        "ppt",
        "application/vnd.ms-powerpoint",
        "a PowerPoint 97 presentation",
        Way.OFFICE,
        becomes="pptx",
    ),
    Format("xls", "application/vnd.ms-excel", "an Excel 97 workbook", needs=_SHEETS),
)
FORMATS = {one.name: one for one in _ALL}
"""All formats by their names."""


def missing_formats() -> list[Format]:
    """Return the formats that cannot be read, because an optional package is missing."""
    return [one for one in _ALL if not one.is_installed]
