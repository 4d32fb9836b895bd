"""One document that was read: the file of a job, an attachment, or a file in an archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from secretary_common.errors import PermanentError
from secretary_common.models import JsonObject
from secretary_documents.formats.format import Format
from secretary_documents.handlers.pdf.output_files import pages_text
from secretary_documents.handlers.pdf.result import PdfExtract, text_content


@dataclass(slots=True)
class ReadDocument:
    """A document with its content, or with the error because of which it has none."""

    index: int
    """Its place among the documents of the job, from 0; the file of the job is the first."""
    name: str
    size: int
    parent: int | None = None
    """The document in which it lies; None for the file of the job."""
    format: Format | None = None
    """None if the format is not known."""
    sha256: str | None = None
    extract: PdfExtract | None = None
    error: PermanentError | None = None
    members: Sequence[tuple[str, int]] = field(default_factory=tuple)
    """The names and sizes of the files inside that were not read."""

    @property
    def text(self) -> str:
        """The text of all pages. With several pages, each stands after ``--- Page N ---``."""
        pages = self.extract.pages if self.extract else ()
        if len(pages) == 1:
            return pages[0].text
        return pages_text((page.number, page.text) for page in pages)

    def as_json(self) -> JsonObject:
        """Return the document as it stands in ``documents`` of a result."""
        found: JsonObject = {
            "index": self.index,
            "name": self.name,
            "parent": self.parent,
            "format": self.format.name if self.format else None,
            "media_type": self.format.media_type if self.format else None,
            "size": self.size,
            "sha256": self.sha256,
        }
        if self.error is not None:
            return {**found, "error": {"code": self.error.code, "message": self.error.message}}
        if self.members:
            found["members"] = [{"name": name, "size": size} for name, size in self.members]
        return {**found, **self._content()}

    def _content(self) -> JsonObject:
        if self.extract is None:
            return {}
        info = self.extract.document
        return {
            "title": info.title,
            "author": info.author,
            "page_count": info.page_count,
            "pages_processed": len(self.extract.pages),
            "extracted_text": self.text,
            "text_contents": [text_content(page) for page in self.extract.pages],
            **self.extract.more,
        }


def joined_text(documents: Sequence[ReadDocument]) -> str:
    """Return the text of all *documents*; of several, each stands after ``=== name ===``."""
    read = [one for one in documents if one.extract is not None and one.text]
    if len(documents) == 1:
        return read[0].text if read else ""
    return "\n\n".join(f"=== {' '.join(one.name.split())} ===\n\n{one.text}" for one in read)
