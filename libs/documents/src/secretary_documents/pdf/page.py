"""Pages of a document, and the protocols of documents and page readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page."""

    number: int
    """From 1."""
    text: str
    method: str
    """How this page was read: native, ocr, mistral_ocr or openai_vision."""
    reason: str | None = None
    """Why the page was read that way, or has no text: a value of ``method_choice.Reason``."""
    confidence: float | None = None
    """0 to 1, as the OCR engine reports it."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """The image of a page."""

    number: int
    jpeg: bytes
    width: int
    """In pixels."""
    height: int


@dataclass(frozen=True, slots=True)
class PageRange:
    """The requested pages: from 1, both ends included. None means to the end of the document."""

    start: int
    end: int | None

    def within(self, page_count: int) -> range:
        """Return the numbers of the requested pages in a document of *page_count* pages.

        Raises:
            PermanentError: VALIDATION_ERROR, the document has none of them.
        """
        if self.start > page_count:
            message = f"page_start is {self.start}, but the document has {page_count} pages"
            raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
        return range(self.start, min(self.end or page_count, page_count) + 1)


OnPage = Callable[[Page], None]
"""Called in the reader's event loop for each page as soon as it is read, in any order."""


class Document(Protocol):
    """An open, unlocked PDF. MuPDF runs in a child process. Methods raise ``PermanentError``."""

    @property
    def page_count(self) -> int:
        """How many pages the document has."""
        ...

    def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        """Yield the pages as JPEG, one after the other.

        Args:
            pages: numbers from 1.
            dpi: resolution of the image; lower if *max_side* or the limit of pixels requires it.
            max_side: longest side of the image, in pixels.
            quality: of the JPEG, 1 to 95.
        """
        ...

    async def subset(self, pages: Sequence[int]) -> bytes:
        """Return a PDF of *pages* in this order, without a password."""
        ...


class PageReader(Protocol):
    """Reads pages, either in a child process or by a provider."""

    @property
    def fingerprint(self) -> str:
        """Name, version and all settings that change the text: a part of the cache's key."""
        ...

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        """Read *pages* and pass each to *on_page*. Pages passed before an error stay valid.

        Raises:
            PermanentError: the document, the request or the provider's answer is faulty.
            TransientError: the provider may answer at the next attempt.
        """
        ...


class RemoteReader(PageReader, Protocol):
    """Reads pages by a provider, which may be missing from the configuration."""

    def check_configured(self) -> None:
        """Check that the provider is configured, before any page is read.

        Raises:
            PermanentError: MISTRAL_NOT_CONFIGURED or VISION_NOT_CONFIGURED, with the
                missing settings.
        """
        ...
