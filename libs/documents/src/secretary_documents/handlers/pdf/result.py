"""Builds the result of a ``pdf`` job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_documents.handlers.pdf.output_files import pages_text
from secretary_documents.pdf.method_choice import Reason
from secretary_documents.pdf.ocr.script import languages_of
from secretary_documents.pdf.page import Page
from secretary_documents.pdf.sandboxed_document import DocumentInfo

_NOTHING_READ = (Reason.UNREADABLE, Reason.TOO_LARGE, Reason.LANGUAGE_MISSING)


@dataclass(frozen=True, slots=True)
class PdfFile:
    """The file of a PDF."""

    name: str
    size: int
    """The size in bytes."""
    sha256: str


def check_readable(pages: Sequence[Page]) -> None:
    """Check that at least one of *pages* was read.

    Raises:
        PermanentError: PDF_INVALID, PDF_PAGE_TOO_LARGE, or OCR_LANGUAGE_MISSING with the script.
    """
    scripts = sorted({page.script for page in pages if page.script})
    if scripts and not any(page.text for page in pages):
        raise _language_missing(scripts)
    if any(page.reason not in _NOTHING_READ for page in pages):
        return
    if any(page.reason == Reason.UNREADABLE for page in pages):
        raise PermanentError("no page of the PDF is readable", code=ErrorCode.PDF_INVALID)
    message = "the pages are too large to be read as images"
    raise PermanentError(message, code=ErrorCode.PDF_PAGE_TOO_LARGE)


def _language_missing(scripts: Sequence[str]) -> PermanentError:
    languages = [language for script in scripts for language in languages_of(script)]
    message = (
        f"the pages seem to be in the script {', '.join(scripts)}, and no OCR language of the job "
        f"is written in it: name one in language, such as {', '.join(languages)}"
    )
    details = {"scripts": list(scripts), "languages": languages}
    return PermanentError(message, code=ErrorCode.OCR_LANGUAGE_MISSING, details=details)


def text_content(page: Page) -> JsonObject:
    """Return the entry of *page* in ``text_contents``, without what is not known of it."""
    optional = {
        "name": page.name,
        "reason": page.reason,
        "confidence": page.confidence,
        "engine": page.engine,
        "script": page.script,
    }
    known = {key: value for key, value in optional.items() if value is not None}
    return {"page": page.number, "text": page.text, "method": page.method, **known}


@dataclass(slots=True)
class PdfExtract:
    """The content that was read from one document."""

    document: DocumentInfo
    pages: Sequence[Page]
    file: PdfFile
    images_archive: str | None = None
    """The name of the archive with the page images."""
    more: JsonObject = field(default_factory=dict)
    """Further keys of the result, such as ``outputs``, ``chunks`` and ``template``."""

    @property
    def text(self) -> str:
        """The text of all pages, each after a line ``--- Page N ---``."""
        return pages_text((page.number, page.text) for page in self.pages)

    def result(self, usage: JsonObject) -> JsonObject:
        """Return the job's result. ``structured_data`` repeats all other fields."""
        result = {"extracted_text": self.text, "metadata": self._metadata(), "usage": usage}
        if self.images_archive is not None:
            result["images_archive_filename"] = self.images_archive
        result |= self.more
        return {**result, "structured_data": result}

    def _metadata(self) -> JsonObject:
        return {
            "page_count": self.document.page_count,
            "title": self.document.title,
            "author": self.document.author,
            "file_name": self.file.name,
            "file_size": self.file.size,
            "sha256": self.file.sha256,
            "pages_processed": len(self.pages),
            "text_contents": [text_content(page) for page in self.pages],
        }
