"""The pages of a document, and what reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from secretary_common.jobs.resources import ResourceCalculator


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of one page."""

    number: int
    """From 1."""
    text: str
    method: str
    """native, ocr, mistral_ocr or openai_vision: how this page was read."""
    reason: str | None = None
    """Why that way, or why there is no text; a value of ``choice.Reason``."""
    confidence: float | None = None
    """0 to 1, as the engine says it."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as a picture."""

    number: int
    jpeg: bytes
    width: int
    """In pixels."""
    height: int


OnPage = Callable[[Page], None]
"""Called in the reader's event loop for each page as soon as it is read; in any order."""


class Document(Protocol):
    """An open, unlocked PDF whose native code runs elsewhere. All raise ``PermanentError``."""

    @property
    def page_count(self) -> int:
        """How many pages it has."""
        ...

    def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        """The pages as JPEG, one after the other.

        Args:
            pages: numbers from 1.
            dpi: of the picture, fewer where *max_side* or the limit of pixels says so.
            max_side: of the picture, in pixels.
            quality: of the JPEG, 1 to 95.
        """
        ...

    async def subset(self, pages: Sequence[int]) -> bytes:
        """A PDF of these pages alone, in this order, without a password."""
        ...


class PageReader(Protocol):
    """Reads pages: locally in a child process, or by asking a provider."""

    @property
    def engine(self) -> str:
        """Name, version and every setting that changes what is read: a part of the cache's key."""
        ...

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        """Read *pages* and give each to *on_page*; pages told of before an error stay read.

        Raises:
            PermanentError: the document, the request or the provider's answer is at fault.
            TransientError: the provider may answer the next time.
        """
        ...


class RemoteReader(PageReader, Protocol):
    """One that asks a provider, and may not know which."""

    def check_configured(self) -> None:
        """Refuse what cannot work yet, before anything is read.

        Raises:
            PermanentError: MISTRAL_NOT_CONFIGURED or VISION_NOT_CONFIGURED, naming the settings.
        """
        ...
