"""Reads pages in children of the sandbox: their own text, or what is recognised on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.pdf.opened import OpenedPdf
from secretary_documents.pdf.page import Document, OnPage, Page
from secretary_documents.pdf.recipe import Recipe
from secretary_worker import Child, parsing_answer

# A child is given up after so many pages: what MuPDF and Tesseract keep never adds up. One that
# recognises is large and holds one of few slots, which other jobs are waiting for.
NATIVE_PAGES = 200
OCR_PAGES = 10
# So many at a time where children share the pages of a document.
TURN_PAGES = 25

OnLater = Callable[[int], None]


class LocalReader:
    """A ``PageReader`` for one open document, with one recipe."""

    def __init__(
        self, document: OpenedPdf, recipe: Recipe, cap: ConcurrencyLimit, *, timeout_sec: float
    ) -> None:
        """Wire the reader.

        Args:
            document: the one to read.
            recipe: how.
            cap: for children that recognise, of all jobs together; one document uses them all
                when no other needs them.
            timeout_sec: wall clock for all pages of one call.
        """
        self._document = document
        self._recipe = recipe
        self._cap = cap
        self._timeout_sec = timeout_sec
        self._scale: list[float] = []

    @property
    def engine(self) -> str:
        """That of the recipe."""
        return self._recipe.engine

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        """Read *pages*, and give each to *on_page*.

        Raises:
            PermanentError: a code of the sandbox, naming the page it ended at.
            TransientError: PARSER_CRASHED, naming the page: no fault of the document.
        """
        del document, resources  # it has its own, which counts what its children use
        try:
            async with asyncio.timeout(self._timeout_sec) as clock:
                if self._recipe.output == "markdown" and self._recipe.method != "ocr":
                    self._scale = await self._find_scale()
                for some in _batches(pages, NATIVE_PAGES):
                    await self._read(some, on_page)
        except TimeoutError:
            if not clock.expired():
                raise
            message = f"not all pages were read within {self._timeout_sec:g} s"
            raise PermanentError(message, code=ErrorCode.PARSE_TIMEOUT) from None

    async def _find_scale(self) -> list[float]:
        """The sizes of headings; none where a page that was sampled for it goes beyond its limits.

        Whether that page is read at all, and what becomes of the job then, is told when it is.
        """
        found: list[dict[str, Any]] = []
        try:
            async with self._document.lend() as child:
                await child.ask({"op": "scale"}, found.append)
        except PermanentError:
            return []
        with parsing_answer():
            [message] = found
            return [float(size) for size in message["scale"]]

    async def _read(self, pages: Sequence[int], on_page: OnPage) -> None:
        """*pages* first by what their files say; recognised is only what needs it."""
        if self._recipe.method == "ocr":
            await self._recognise(pages, on_page)
            return
        method = "look" if self._recipe.recognises else "native"
        turns, later = _batches(pages, TURN_PAGES), list[int]()
        keep = len(pages) < NATIVE_PAGES

        async def work() -> None:
            async with self._document.lend(keep=keep) as child:
                for turn in turns:
                    await self._ask(child, method, turn, on_page, later.append)

        async def help_out() -> None:
            if self._cap.spare:
                async with self._cap.permit():
                    await work()

        # One begins at once, however busy the others are; CPUs nobody uses help.
        helpers = min(self._cap.spare, -(-len(pages) // TURN_PAGES) - 1)
        await _together([work(), *(help_out() for _ in range(helpers))])
        if later:
            await self._recognise(sorted(later), on_page)

    async def _recognise(self, pages: Sequence[int], on_page: OnPage) -> None:
        batches = _batches(pages, min(OCR_PAGES, -(-len(pages) // self._cap.size)))

        async def work() -> None:
            # Taken one by one, so that documents take turns.
            for batch in batches:
                async with self._cap.permit(), self._document.lend(keep=False) as child:
                    await self._ask(child, self._recipe.method, batch, on_page)

        await _together([work() for _ in range(self._cap.size)])

    async def _ask(
        self,
        child: Child,
        method: str,
        pages: Sequence[int],
        on_page: OnPage,
        on_later: OnLater | None = None,
    ) -> None:
        left = list(pages)

        def take(message: dict[str, Any]) -> None:
            with parsing_answer():
                page = message.get("page")
                number = message["later"] if page is None else page["page"]
                left.remove(number)
            if page is not None:
                on_page(_page_of(page))
            elif on_later is not None:
                on_later(number)

        request = {
            **self._recipe.request(),
            "op": "read",
            "method": method,
            "pages": left.copy(),
            "scale": self._scale,
        }
        try:
            await child.ask(request, take)
            with parsing_answer():
                if left:
                    raise ValueError("pages are missing")
        except (PermanentError, TransientError) as error:
            raise _at_page(error, left[0] if left else pages[-1]) from error


async def _together(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all; the first error ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _batches(pages: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(pages), size):
        yield pages[start : start + size]


def _page_of(found: dict[str, Any]) -> Page:
    with parsing_answer():
        confidence = found.get("confidence")
        reason = found.get("reason")
        return Page(
            number=int(found["page"]),
            text=str(found["text"]),
            method=str(found["method"]),
            reason=None if reason is None else str(reason),
            confidence=None if confidence is None else float(confidence),
        )


def _at_page(
    error: PermanentError | TransientError, number: int
) -> PermanentError | TransientError:
    """*error* with the page that a child, which reads in order, was at."""
    details = {**(error.details or {}), "page": number}
    return type(error)(f"page {number}: {error.message}", code=error.code, details=details)
