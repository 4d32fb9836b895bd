"""The document that ``extract`` returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """A page, a sheet, a slide or a chapter."""

    number: int
    """From 1."""
    text: str
    """The text in the form ``output``."""
    method: str
    """How the page was read: ``native``, ``ocr``, or the name of a provider."""
    name: str | None = None
    """The name of the sheet, slide or chapter."""
    confidence: float | None = None
    """The OCR engine's confidence in the text, 0 to 1."""


@dataclass(frozen=True, slots=True)
class DocumentFailure:
    """Why a document inside the file was not read."""

    code: str
    """A stable code, such as ``UNSUPPORTED_MEDIA``; docs/errors.md lists them."""
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read, with the documents inside it."""

    name: str
    format: str | None
    """The format by its usual extension, such as ``docx``; None if it is not known."""
    media_type: str | None
    size: int
    """The size of the file in bytes."""
    sha256: str | None
    title: str | None
    author: str | None
    page_count: int
    """The pages of the file. ``pages`` has those that were requested."""
    output: str
    """The form of the text: ``text``, ``markdown``, ``html`` or ``json``."""
    text: str
    """All pages. In HTML and JSON it is a whole document."""
    pages: Sequence[ExtractedPage] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
    """What was requested besides the text: ``tables``, ``chunks``, ``pictures``, ``outputs`` …"""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The files that ``parts`` names, such as tables as CSV. The file itself has those of all."""
    documents: Sequence[Document] = ()
    """The attachments of a mail, or the files of an archive."""
    warnings: Sequence[str] = ()
    failure: DocumentFailure | None = None
    """Why a document inside the file has no text. A file that cannot be read raises an error."""

    def all(self) -> Iterator[Document]:
        """Yield the document, and then the documents inside it and inside these."""
        yield self
        for document in self.documents:
            yield from document.all()
