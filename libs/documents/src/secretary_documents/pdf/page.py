"""Pages of a document, and the protocols of documents and page readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page."""

    number: int
    """The page number, from 1."""
    text: str
    method: str
    """The method by which the page was read: native, ocr, mistral_ocr or openai_vision."""
    reason: str | None = None
    """The reason for the method or for a missing text: a value of ``method_choice.Reason``."""
    confidence: float | None = None
    """The OCR engine's confidence in the text, 0 to 1."""
    engine: str | None = None
    """The OCR engine that recognised the page: tesseract or rapidocr."""
    script: str | None = None
    """The script of a page whose languages are missing, such as CJK or Cyrillic."""
    outputs: dict[str, str] = field(default_factory=dict)
    """The page in the other outputs of the job, by their names."""
    lines: str | None = None
    """The recognised lines with their places (``layer_line.lines_to_json``)."""
    pictures: list[JsonObject] = field(default_factory=list)
    """The pictures to keep: ``{"name", "box"}``."""

    name: str | None = None
    """The name of the sheet, slide or chapter. Pages of a PDF have none."""
    edges: JsonObject = field(default_factory=dict)
    """The first and the last block, with which pages are joined (``continuation.edges_of``)."""

    def as_output(self, output: str) -> str:
        """Return the page as *output*; its text if it has no such output."""
        return self.outputs.get(output, self.text)

    @property
    def size(self) -> int:
        """The bytes of all texts of the page, in UTF-8."""
        texts = (self.text, self.lines or "", *self.outputs.values())
        return sum(len(text.encode(errors="surrogatepass")) for text in texts)


@dataclass(frozen=True, slots=True)
class PageImage:
    """The image of a page."""

    number: int
    jpeg: bytes
    width: int
    """The width in pixels."""
    height: int
    """The height in pixels."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture that a page shows, as a PNG."""

    name: str
    png: bytes


@dataclass(frozen=True, slots=True)
class PageRange:
    """The requested pages, counted from 1, with the first and the last page included.

    An *end* of None is the last page of the document.
    """

    start: int
    end: int | None

    def within(self, page_count: int) -> range:
        """Return the numbers of the requested pages in a document of *page_count* pages.

        Raises:
            PermanentError: VALIDATION_ERROR, the document has none of the requested pages.
        """
        if self.start > page_count:
            message = f"page_start is {self.start}, but the document has {page_count} pages"
            raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
        return range(self.start, min(self.end or page_count, page_count) + 1)


OnPage = Callable[[Page], None]
"""Called in the reader's event loop for each page as soon as it is read, in any order."""


class Document(Protocol):
    """An open, unlocked PDF. Methods raise ``PermanentError`` if the PDF cannot be read."""

    @property
    def page_count(self) -> int:
        """The number of pages in the document."""
        ...

    def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        """Yield the pages as JPEG, one after the other.

        Args:
            pages: the page numbers, from 1.
            dpi: the resolution. *max_side* and the limit of pixels may lower the resolution.
            max_side: the most pixels of a side of the image.
            quality: the quality of the JPEG, 1 to 95.
        """
        ...

    async def subset(self, pages: Sequence[int]) -> bytes:
        """Return a PDF of *pages* in this order, without a password."""
        ...


class WholeDocument(Document, Protocol):
    """A ``Document`` of which a job can get more than its pages."""

    async def searchable(self, pages: Sequence[int], lines: Mapping[int, str]) -> bytes:
        """Return a PDF of *pages*, ascending, with the recognised *lines* as invisible text.

        *lines* are by the number of their page. The PDF keeps the password of the document.
        """
        ...

    def pictures(self, page: int, places: Sequence[JsonObject]) -> AsyncIterator[PictureFile]:
        """Yield the pictures of *page* at *places*: ``{"name", "box"}``."""
        ...

    async def notes(self, pages: Sequence[int], *, annotations: bool) -> list[JsonObject]:
        """Return the ``form_fields`` of each of *pages*, and its ``annotations`` if requested.

        Pages with neither are left out.
        """
        ...


class PageReader(Protocol):
    """Reads pages in a child process or by a provider."""

    @property
    def fingerprint(self) -> str:
        """A part of the cache's key: name, version and all settings that change the text."""
        ...

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        """Read *pages* and pass each page to *on_page*.

        After an error the pages that were passed before are valid.

        Raises:
            PermanentError: the document, the request or the provider's answer is faulty.
            TransientError: the provider may answer at the next attempt.
        """
        ...


class RemoteReader(PageReader, Protocol):
    """A ``PageReader`` that uses a provider."""

    def check_configured(self) -> None:
        """Check that the provider is configured. Callers do this before they read any page.

        Raises:
            PermanentError: MISTRAL_NOT_CONFIGURED or VISION_NOT_CONFIGURED, with the
                missing settings.
        """
        ...
