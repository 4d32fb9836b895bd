"""Collects the pages of one document from the cache and from a reader."""

from __future__ import annotations

from collections.abc import Sequence

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.runtime.metrics import PDF_PAGES
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.page_cache import PageCache
from secretary_documents.pdf.method_choice import Reason
from secretary_documents.pdf.page import Document, Page, PageReader

_FAILURES: dict[str, str] = {
    Reason.UNREADABLE: "cannot be read",
    Reason.TOO_LARGE: "is too large to be read as an image",
}


class PageCollector:
    """Collects the pages of one document, and reports progress after each page."""

    def __init__(self, numbers: Sequence[int], report: JobReport, *, max_text_bytes: int) -> None:
        """Wire the collector.

        Args:
            numbers: the numbers of the requested pages, ascending.
            report: receives progress and warnings.
            max_text_bytes: the most text of all pages together, in bytes of UTF-8.
        """
        self._numbers = numbers
        self._report = report
        self._max_text_bytes = max_text_bytes
        self._text_bytes = 0
        self._pages: dict[int, Page] = {}
        self.cached = 0
        """How many pages came from the cache."""

    @property
    def pages(self) -> list[Page]:
        """All requested pages, in the order of the document. Valid after ``collect``."""
        return [self._pages[number] for number in self._numbers]

    async def collect(
        self,
        document: Document,
        reader: PageReader,
        cache: PageCache,
        resources: ResourceCalculator,
    ) -> None:
        """Take requested pages from *cache* if it has them, and read the rest with *reader*.

        Raises:
            PermanentError: an error of *reader*; PARSE_MEMORY_LIMIT, the pages have too much text;
                PROCESSING_ERROR, *reader* left out a page.
            TransientError: an error of *reader*.
        """
        self._report_progress()
        for page in await cache.known(self._numbers):
            self._add(page, "cache")
        self.cached = len(self._pages)
        missing = [number for number in self._numbers if number not in self._pages]
        if not missing:
            return

        def take(page: Page) -> None:
            cache.store(page)
            self._add(page, "read")

        async with cache.writing():
            await reader.read(document, missing, take, resources)
        if absent := [number for number in missing if number not in self._pages]:
            message = f"page {absent[0]} was not read"
            raise PermanentError(message, code=ErrorCode.PROCESSING_ERROR)

    def _add(self, page: Page, source: str) -> None:
        self._text_bytes += page.size
        if self._text_bytes > self._max_text_bytes:
            message = f"the document has more than {self._max_text_bytes} bytes of text"
            raise PermanentError(message, code=ErrorCode.PARSE_MEMORY_LIMIT)
        self._pages[page.number] = page
        PDF_PAGES.labels(page.method, source).inc()
        if failure := _FAILURES.get(page.reason or ""):
            self._report.log("warning", f"page {page.number} {failure}")
        self._report_progress()

    def _report_progress(self) -> None:
        for step in progress.page_progress(len(self._pages), len(self._numbers)):
            self._report.progress(step)
