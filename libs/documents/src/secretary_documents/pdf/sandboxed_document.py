"""The worker's side of an open PDF. Children of the sandbox read the PDF with MuPDF."""

from __future__ import annotations

import asyncio
import base64
import io
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.page import PageImage, PictureFile
from secretary_worker import Child, OpenFile, Sandbox, parsing_answer

JsonObject = dict[str, Any]

# PDF readers look for the header in the first 1024 bytes (ISO 32000-1, annex H.3.4.1, note 13).
PDF_MARK = b"%PDF"
PDF_MARK_WITHIN = 1024
LAYER_PAGES = 25
"""The pages whose layers one request has."""
PICTURE_DPI = 150
"""The resolution at which the pictures of a page are drawn."""


def check_pdf_mark(file: OpenFile) -> None:
    """Refuse a file without the mark of a PDF near its start. The name does not matter.

    Raises:
        PermanentError: PDF_INVALID.
    """
    if PDF_MARK not in os.pread(file.fd, PDF_MARK_WITHIN, 0):
        raise PermanentError("the file is not a PDF", code=ErrorCode.PDF_INVALID)


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """The values with which a child opens a document, and the limits of the document."""

    fd: int
    """An open descriptor of the file."""
    password: str | None = field(repr=False)
    max_pages: int
    max_pixels: int
    """The most pixels of the image of a page."""
    page_sec: float
    """The CPU time for each page, and for opening the document, in seconds."""
    max_subset_bytes: int

    def request(self) -> JsonObject:
        """Return the request to open the document."""
        return {
            "op": "open",
            "password": self.password,
            "max_pages": self.max_pages,
            "max_pixels": self.max_pixels,
            "page_sec": self.page_sec,
        }


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """The properties of a document, as a child reports them."""

    page_count: int
    title: str | None
    author: str | None
    repaired: bool
    """Whether MuPDF had to repair the file. If so, text may be missing."""
    form: bool = False
    """Whether the document has a form."""


class SandboxedDocument:
    """A ``Document`` whose children are dead when its context ends.

    The document keeps one idle child for the next request. So a short document often needs
    only the child that opened it.
    """

    def __init__(self, sandbox: Sandbox, options: OpenOptions) -> None:
        self._sandbox = sandbox
        self._options = options
        self._idle: tuple[Child, AsyncExitStack] | None = None
        self.info = DocumentInfo(0, None, None, repaired=False)
        """Valid inside the context."""
        self.cpu_sec = 0.0
        """The CPU time of the children that have ended, in seconds."""

    async def __aenter__(self) -> Self:
        """Open the document.

        Raises:
            PermanentError: PDF_INVALID, PDF_PASSWORD_REQUIRED, PDF_WRONG_PASSWORD,
                PDF_TOO_MANY_PAGES, or an error of the sandbox.
        """
        self._idle = await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if idle := self._take_idle():
            await idle[1].aclose()

    @property
    def page_count(self) -> int:
        """See ``Document``."""
        return self.info.page_count

    @asynccontextmanager
    async def borrow_child(self, *, keep: bool = True) -> AsyncIterator[Child]:
        """Yield a child with the open document. If *keep*, the next request may use this child."""
        child, stack = self._take_idle() or await self._start()
        async with stack:
            yield child
            if keep and self._idle is None:
                self._idle = (child, stack.pop_all())

    async def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        """See ``Document``. At most one image is in memory at a time."""
        request = {"op": "image", "dpi": dpi, "max_side": max_side, "quality": quality}
        for number in pages:
            messages: list[JsonObject] = []
            async with self.borrow_child() as child:
                await child.ask({**request, "page": number}, messages.append)
            yield _page_image(messages, number)

    async def subset(self, pages: Sequence[int]) -> bytes:
        """See ``Document``.

        Raises:
            PermanentError: PDF_TOO_LARGE, PDF_INVALID, or an error of the sandbox.
        """
        # The child may have the document in memory twice afterwards, so it is not kept.
        async with self.borrow_child(keep=False) as child:
            return await self._pieces(child, {"op": "subset", "pages": list(pages)})

    async def searchable(self, pages: Sequence[int], lines: Mapping[int, str]) -> bytes:
        """See ``Document``.

        Raises:
            PermanentError: PDF_TOO_LARGE, PDF_INVALID, or an error of the sandbox.
        """
        if not lines and len(pages) == self.page_count:  # nothing changes
            return await asyncio.to_thread(_content_of, self._options.fd)
        async with self.borrow_child(keep=False) as child:
            left = list(lines.items())
            for start in range(0, len(left), LAYER_PAGES):
                batch = left[start : start + LAYER_PAGES]
                await child.ask({"op": "layer", "pages": batch}, _refuse)
            return await self._pieces(child, {"op": "searchable", "pages": list(pages)})

    async def _pieces(self, child: Child, request: JsonObject) -> bytes:
        content = io.BytesIO()

        def take(message: JsonObject) -> None:
            with parsing_answer():
                content.write(base64.b64decode(message["piece"]))
            if content.tell() > self._options.max_subset_bytes:
                text = f"the pages have more than {self._options.max_subset_bytes} bytes"
                raise PermanentError(text, code=ErrorCode.PDF_TOO_LARGE)

        await child.ask(request, take)
        return content.getvalue()

    async def pictures(self, page: int, places: Sequence[JsonObject]) -> AsyncIterator[PictureFile]:
        """See ``Document``. At most one picture is in memory at a time."""
        for place in places:
            messages: list[JsonObject] = []
            request = {"op": "pictures", "page": page, "pictures": [place], "dpi": PICTURE_DPI}
            async with self.borrow_child() as child:
                await child.ask(request, messages.append)
            with parsing_answer():
                [message] = messages
                png = base64.b64decode(message["picture"]["png"])
            yield PictureFile(str(place["name"]), png)

    async def notes(self, pages: Sequence[int], *, annotations: bool) -> list[JsonObject]:
        """See ``Document``."""
        found: list[JsonObject] = []

        def take(message: JsonObject) -> None:
            with parsing_answer():
                found.append({name: list(one) for name, one in message["notes"].items()})

        async with self.borrow_child() as child:
            request = {"op": "notes", "pages": list(pages), "annotations": annotations}
            await child.ask(request, take)
        return found

    def _take_idle(self) -> tuple[Child, AsyncExitStack] | None:
        idle, self._idle = self._idle, None
        return idle

    async def _start(self) -> tuple[Child, AsyncExitStack]:
        async with AsyncExitStack() as stack:
            child = await stack.enter_async_context(self._sandbox.child([self._options.fd]))
            stack.callback(self._count, child)
            messages: list[JsonObject] = []
            await child.ask(self._options.request(), messages.append)
            self.info = _document_info(messages)
            return child, stack.pop_all()

    def _count(self, child: Child) -> None:
        self.cpu_sec += child.cpu_sec


def _content_of(fd: int) -> bytes:
    pieces, offset = [], 0
    while piece := os.pread(fd, 2**20, offset):
        pieces.append(piece)
        offset += len(piece)
    return b"".join(pieces)


def _refuse(_: JsonObject) -> None:
    """Refuse a message where none is expected."""
    with parsing_answer():
        raise ValueError("no message is expected")


# The types in a child's messages are checked, because the child has read untrusted bytes.


def _document_info(messages: Sequence[JsonObject]) -> DocumentInfo:
    with parsing_answer():
        [message] = messages
        found = message["document"]
        return DocumentInfo(
            page_count=int(found["page_count"]),
            title=text_or_none(found["title"]),
            author=text_or_none(found["author"]),
            repaired=bool(found["repaired"]),
            form=bool(found["form"]),
        )


def text_or_none(value: object) -> str | None:
    """Return *value* of a child's message as text, unless it is None."""
    return None if value is None else str(value)


def _page_image(messages: Sequence[JsonObject], number: int) -> PageImage:
    with parsing_answer():
        [message] = messages
        found = message["image"]
        jpeg = base64.b64decode(found["jpeg"])
        return PageImage(number, jpeg, int(found["width"]), int(found["height"]))
