"""An open document, seen from the worker: everything native happens in children of the sandbox."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.page import PageImage
from secretary_worker import Child, OpenFile, Sandbox, parsing_answer

JsonObject = dict[str, Any]

# Readers look for the header in the first 1024 bytes (ISO 32000-1, annex H.3.4.1, note 13).
PDF_MARK = b"%PDF"
PDF_MARK_WITHIN = 1024


def check_pdf_mark(file: OpenFile) -> None:
    """Refuse a file whose bytes do not begin like a PDF, whatever its name is.

    Raises:
        PermanentError: PDF_INVALID.
    """
    if PDF_MARK not in os.pread(file.fd, PDF_MARK_WITHIN, 0):
        raise PermanentError("the file is no PDF", code=ErrorCode.PDF_INVALID)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a child needs to open the document."""

    fd: int
    password: str | None = field(repr=False)
    max_pages: int
    max_pixels: int
    """Of any picture of a page."""
    page_sec: float
    """CPU time a page, and for opening."""
    max_subset_bytes: int

    def request(self) -> JsonObject:
        """The request to open it."""
        return {
            "op": "open",
            "password": self.password,
            "max_pages": self.max_pages,
            "max_pixels": self.max_pixels,
            "page_sec": self.page_sec,
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the whole document."""

    page_count: int
    title: str | None
    author: str | None
    repaired: bool


class OpenedPdf:
    """A ``Document``. Its children are dead when its context ends.

    One child at a time is kept to be asked again, so that a short document needs only the one that
    opened it; each is given up after as many pages as its reader says, which keeps memory flat.
    """

    def __init__(self, sandbox: Sandbox, opening: Opening) -> None:
        self._sandbox = sandbox
        self._opening = opening
        self._idle: tuple[Child, AsyncExitStack] | None = None
        self.facts = Facts(0, None, None, repaired=False)
        """Known inside the context."""
        self.cpu_sec = 0.0
        """What the children that are gone by now have used."""

    async def __aenter__(self) -> Self:
        """Open the document.

        Raises:
            PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD,
                PDF_TOO_MANY_PAGES, or a code of the sandbox.
        """
        self._idle = await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if idle := self._take_idle():
            await idle[1].aclose()

    @property
    def page_count(self) -> int:
        """How many pages it has."""
        return self.facts.page_count

    @asynccontextmanager
    async def lend(self, *, keep: bool = True) -> AsyncIterator[Child]:
        """A child that has the document open; kept for the next who asks if *keep*."""
        child, stack = self._take_idle() or await self._start()
        async with stack:
            yield child
            if keep and self._idle is None:
                self._idle = (child, stack.pop_all())

    async def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        """The pages as JPEG, one after the other: one at a time is held in memory."""
        how = {"op": "image", "dpi": dpi, "max_side": max_side, "quality": quality}
        for number in pages:
            found: list[JsonObject] = []
            async with self.lend() as child:
                await child.ask({**how, "page": number}, found.append)
            yield _image_of(found, number)

    async def subset(self, pages: Sequence[int]) -> bytes:
        """A PDF of these pages alone, in this order, without a password.

        Raises:
            PermanentError: PDF_TOO_LARGE, PDF_INVALID, or a code of the sandbox.
        """
        copy = io.BytesIO()

        def take(message: JsonObject) -> None:
            with parsing_answer():
                copy.write(base64.b64decode(message["piece"]))
            if copy.tell() > self._opening.max_subset_bytes:
                text = f"the pages have more than {self._opening.max_subset_bytes} bytes"
                raise PermanentError(text, code=ErrorCode.PDF_TOO_LARGE)

        # It may hold the document twice by then: given up afterwards.
        async with self.lend(keep=False) as child:
            await child.ask({"op": "subset", "pages": list(pages)}, take)
        return copy.getvalue()

    def _take_idle(self) -> tuple[Child, AsyncExitStack] | None:
        idle, self._idle = self._idle, None
        return idle

    async def _start(self) -> tuple[Child, AsyncExitStack]:
        async with AsyncExitStack() as stack:
            child = await stack.enter_async_context(self._sandbox.child([self._opening.fd]))
            stack.callback(self._count, child)
            found: list[JsonObject] = []
            await child.ask(self._opening.request(), found.append)
            self.facts = _facts_of(found)
            return child, stack.pop_all()

    def _count(self, child: Child) -> None:
        self.cpu_sec += child.cpu_sec


# What a child says is checked for its kind: it has read untrusted bytes.


def _facts_of(messages: Sequence[JsonObject]) -> Facts:
    with parsing_answer():
        [message] = messages
        found = message["document"]
        return Facts(
            page_count=int(found["page_count"]),
            title=_text_or_none(found["title"]),
            author=_text_or_none(found["author"]),
            repaired=bool(found["repaired"]),
        )


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _image_of(messages: Sequence[JsonObject], number: int) -> PageImage:
    with parsing_answer():
        [message] = messages
        found = message["image"]
        jpeg = base64.b64decode(found["jpeg"])
        return PageImage(number, jpeg, int(found["width"]), int(found["height"]))
