"""The result of a ``pdf`` job, in the shape its users read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_documents.handlers.pdf.template import TransformedText
from secretary_documents.pdf.choice import Reason
from secretary_documents.pdf.opened import Facts
from secretary_documents.pdf.page import Page

_NOTHING_READ = (Reason.UNREADABLE, Reason.TOO_LARGE)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of the file, whatever is in it."""

    name: str
    size: int
    """In bytes."""
    sha256: str


def check_readable(pages: Sequence[Page]) -> None:
    """Refuse pages of which not one could be read.

    Raises:
        PermanentError: PDF_INVALID or PDF_PAGE_TOO_LARGE.
    """
    if any(page.reason not in _NOTHING_READ for page in pages):
        return
    if any(page.reason == Reason.UNREADABLE for page in pages):
        raise PermanentError("no page of the PDF is readable", code=ErrorCode.PDF_INVALID)
    message = "the pages are too large to be read as pictures"
    raise PermanentError(message, code=ErrorCode.PDF_PAGE_TOO_LARGE)


def text_content(page: Page) -> JsonObject:
    """One page of ``text_contents``; what is not known of it is left out."""
    optional = {"reason": page.reason, "confidence": page.confidence}
    known = {key: value for key, value in optional.items() if value is not None}
    return {"page": page.number, "text": page.text, "method": page.method, **known}


@dataclass(slots=True)
class PdfExtract:
    """All that came of one document."""

    facts: Facts
    pages: Sequence[Page]
    file: FileFacts
    images_archive: str | None = None
    """The name of the archive its page images are in."""
    transformed: TransformedText | None = None

    @property
    def text(self) -> str:
        """The text of all pages, each under its own ``--- Page N ---``."""
        # In one go: the text of all pages may be large.
        parts: list[str] = []
        for page in self.pages:
            parts += ("\n\n" if parts else "", f"--- Page {page.number} ---\n", page.text)
        return "".join(parts)

    def result(self, usage: JsonObject) -> JsonObject:
        """The result: text, metadata and *usage*, and all of it again as ``structured_data``."""
        result = {"extracted_text": self.text, "metadata": self._metadata(), "usage": usage}
        if self.transformed is not None:
            result["template"] = {**self.transformed.template, "text": self.transformed.text}
            result["template_fields"] = self.transformed.fields
        if self.images_archive is not None:
            result["images_archive_filename"] = self.images_archive
        return {**result, "structured_data": result}

    def _metadata(self) -> JsonObject:
        return {
            "page_count": self.facts.page_count,
            "title": self.facts.title,
            "author": self.facts.author,
            "file_name": self.file.name,
            "file_size": self.file.size,
            "sha256": self.file.sha256,
            "pages_processed": len(self.pages),
            "text_contents": [text_content(page) for page in self.pages],
        }
