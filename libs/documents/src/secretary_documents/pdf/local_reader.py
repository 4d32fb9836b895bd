"""Reads native text and recognises pages (OCR) in children of the sandbox."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.pdf.joining.continuation import checked_edges
from secretary_documents.pdf.layout.style import LEAST_REPEATS, DocumentStyle
from secretary_documents.pdf.page import Document, OnPage, Page
from secretary_documents.pdf.read_options import ReadOptions
from secretary_documents.pdf.sandboxed_document import SandboxedDocument, text_or_none
from secretary_worker import Child, parsing_answer

# A child ends after this many pages, so that memory which MuPDF and Tesseract keep does not add up.
# A child for OCR ends sooner, because it is large and other jobs wait for its permit.
NATIVE_PAGES = 200
OCR_PAGES = 10
# The pages that a child takes at a time when several children share the pages of a document.
TURN_PAGES = 25

PICTURE_NAME = re.compile(r"page_[0-9]{1,7}_image_[0-9]{1,4}\.png")
"""The name of a file with a picture of a page."""

OnDeferred = Callable[[int], None]
"""Called with the number of a page that needs OCR."""


class LocalReader:
    """A ``PageReader`` for one open document, with the same options for all pages."""

    def __init__(
        self,
        document: SandboxedDocument,
        options: ReadOptions,
        ocr_limit: ConcurrencyLimit,
        *,
        timeout_sec: float,
    ) -> None:
        """Wire the reader.

        Args:
            document: the document to read.
            options: the options for all pages.
            ocr_limit: limits the children of all jobs together, except the first child for native
                text of each read. One document may use all permits.
            timeout_sec: the wall-clock limit for all pages of one call.
        """
        self._document = document
        self._options = options
        self._ocr_limit = ocr_limit
        self._timeout_sec = timeout_sec
        self._style: dict[str, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """See ``PageReader``."""
        return self._options.fingerprint

    async def read(
        self,
        document: Document,
        pages: Sequence[int],
        on_page: OnPage,
        resources: ResourceCalculator,
    ) -> None:
        """See ``PageReader``.

        Raises:
            PermanentError: PARSE_TIMEOUT; or an error of the sandbox, with the page being read.
            TransientError: PARSER_CRASHED with the page; the child was killed from outside.
        """
        del document, resources  # the reader has a document already, which counts the CPU time
        try:
            async with asyncio.timeout(self._timeout_sec) as clock:
                if self._options.method != "ocr" and self._needs_style():
                    self._style = await self._find_style()
                for batch in _batches(pages, NATIVE_PAGES):
                    await self._read(batch, on_page)
        except TimeoutError:
            if not clock.expired():
                raise
            message = f"not all pages were read within {self._timeout_sec:g} s"
            raise PermanentError(message, code=ErrorCode.PARSE_TIMEOUT) from None

    def _needs_style(self) -> bool:
        """Return whether a page cannot be read without measures of the whole document."""
        return any(output != "text" for output in self._options.outputs) or (
            not self._options.keep_headers and self._document.page_count >= LEAST_REPEATS
        )

    async def _find_style(self) -> dict[str, Any] | None:
        """Return the style of the document; None if a sampled page exceeds its limits.

        No error is raised then. If the job needs this page, reading the page raises the error.
        """
        messages: list[dict[str, Any]] = []
        try:
            async with self._document.borrow_child() as child:
                plain = all(output == "text" for output in self._options.outputs)
                request = {"op": "style", "output": "text" if plain else "markdown"}
                await child.ask(request, messages.append)
        except PermanentError:
            return None
        with parsing_answer():
            [message] = messages
            return DocumentStyle.from_json(message["style"]).as_json()

    async def _read(self, pages: Sequence[int], on_page: OnPage) -> None:
        """Read the native text of *pages*, then recognise the pages that need OCR."""
        if self._options.method == "ocr":
            await self._recognise(pages, on_page)
            return
        method = "defer_ocr" if self._options.uses_ocr else "native"
        turns, deferred = _batches(pages, TURN_PAGES), list[int]()
        keep = len(pages) < NATIVE_PAGES

        async def work() -> None:
            async with self._document.borrow_child(keep=keep) as child:
                for turn in turns:
                    await self._ask(child, method, turn, on_page, deferred.append)

        async def help_out() -> None:
            if self._ocr_limit.free_but_one:
                async with self._ocr_limit.permit():
                    await work()

        # The first child needs no permit, so the read begins even if no permit is free. More
        # children help if permits are free.
        helpers = min(self._ocr_limit.free_but_one, -(-len(pages) // TURN_PAGES) - 1)
        await _together([work(), *(help_out() for _ in range(helpers))])
        if deferred:
            await self._recognise(sorted(deferred), on_page)

    async def _recognise(self, pages: Sequence[int], on_page: OnPage) -> None:
        batches = _batches(pages, min(OCR_PAGES, -(-len(pages) // self._ocr_limit.size)))

        async def work() -> None:
            # Each batch needs a new permit, so that documents take turns.
            for batch in batches:
                async with (
                    self._ocr_limit.permit(),
                    self._document.borrow_child(keep=False) as child,
                ):
                    await self._ask(child, self._options.method, batch, on_page)

        await _together([work() for _ in range(self._ocr_limit.size)])

    async def _ask(
        self,
        child: Child,
        method: str,
        pages: Sequence[int],
        on_page: OnPage,
        on_deferred: OnDeferred | None = None,
    ) -> None:
        left = list(pages)

        def take(message: dict[str, Any]) -> None:
            with parsing_answer():
                page = message.get("page")
                number = message["deferred"] if page is None else page["page"]
                left.remove(number)
            if page is not None:
                on_page(_page_of(page))
            elif on_deferred is not None:
                on_deferred(number)

        request = {
            **self._options.request(),
            "op": "read",
            "method": method,
            "pages": left.copy(),
            "style": self._style,
        }
        try:
            await child.ask(request, take)
            with parsing_answer():
                if left:
                    raise ValueError("pages are missing")
        except (PermanentError, TransientError) as error:
            raise _at_page(error, left[0] if left else pages[-1]) from error


async def _together(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all *works* at the same time. The first error cancels the other works and is raised."""
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
        lines = found.get("lines")
        outputs = found.get("outputs") or {}
        return Page(
            number=int(found["page"]),
            text=str(found["text"]),
            method=str(found["method"]),
            reason=text_or_none(found.get("reason")),
            confidence=None if confidence is None else float(confidence),
            outputs={str(output): str(text) for output, text in outputs.items()},
            lines=None if lines is None else str(lines),
            pictures=[_picture_of(picture) for picture in found.get("pictures") or ()],
            edges=checked_edges(found.get("edges") or {}),
            engine=text_or_none(found.get("engine")),
            script=text_or_none(found.get("script")),
        )


def _picture_of(found: dict[str, Any]) -> dict[str, Any]:
    name = str(found["name"])
    if not PICTURE_NAME.fullmatch(name):
        raise ValueError("a picture has another name")
    return {"name": name, "box": [float(side) for side in found["box"]]}


def _at_page(
    error: PermanentError | TransientError, number: int
) -> PermanentError | TransientError:
    """Return *error* with the page that the child was reading."""
    details = {**(error.details or {}), "page": number}
    return type(error)(f"page {number}: {error.message}", code=error.code, details=details)
