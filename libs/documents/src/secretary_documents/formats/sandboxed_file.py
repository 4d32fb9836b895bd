"""The worker's side of an open file of any format. A child of the sandbox reads the file."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_documents.formats.format import FORMATS, Format
from secretary_documents.formats.limits import FileLimits
from secretary_documents.pdf.page import Page, PageImage, PictureFile
from secretary_worker import Child, OpenFile, Sandbox, parsing_answer, temporary_file

JsonObject = dict[str, Any]
NATIVE = "native"
_NO_BOX = [0.0, 0.0, 0.0, 0.0]
_BATCH = 25
_MARKDOWN_NAMES = (".md", ".markdown")


@dataclass(frozen=True, slots=True)
class FileInfo:
    """The properties of a file, as a child reports them."""

    page_count: int
    title: str | None
    author: str | None
    members: Sequence[tuple[str, int]]
    """The names and the sizes of the files inside the file."""


@dataclass(frozen=True, slots=True)
class PageForms:
    """The forms in which pages are written."""

    output: str
    """The form of the text: text, markdown, html or json."""
    also: Sequence[str] = ()
    """Further forms of each page."""
    keep_headers: bool = False


class SandboxedFile:
    """A file in a child. Valid inside the context of ``FileSandbox.file``.

    After ``open`` it is a ``WholeDocument``, without page images and without form fields.
    """

    def __init__(self, file: OpenFile, child: Child, limits: FileLimits) -> None:
        self._file = file
        self._child = child
        self._limits = limits
        self.info = FileInfo(0, None, None, ())
        """Valid after ``open``."""

    async def detect(self) -> Format:
        """Return the format of the file.

        Raises:
            PermanentError: UNSUPPORTED_MEDIA, DOCUMENT_INVALID, DOCUMENT_ENCRYPTED, or an error of
                the sandbox.
        """
        messages: list[JsonObject] = []
        await self._child.ask({"op": "detect"}, messages.append)
        with parsing_answer():
            [message] = messages
            found = FORMATS[message["format"]]
        # Text without any mark of Markdown may be Markdown all the same.
        is_named = self._file.name.lower().endswith(_MARKDOWN_NAMES)
        return FORMATS["md"] if found.name == "txt" and is_named else found

    async def open(self, found: Format, *, min_points: float | None) -> None:
        """Open the file, which has the format *found*.

        *min_points*: the least side of pictures that are kept; None keeps none.

        Raises:
            PermanentError: FORMAT_NOT_INSTALLED, DOCUMENT_INVALID, DOCUMENT_ENCRYPTED,
                DOCUMENT_TOO_LARGE, or an error of the sandbox.
        """
        found.check_installed()
        request = {"op": "open", "format": found.name, "min_points": min_points}
        messages: list[JsonObject] = []
        await self._child.ask({**request, "limits": self._limits.as_json()}, messages.append)
        with parsing_answer():
            [message] = messages
            self.info = _info_of(message["document"])

    @asynccontextmanager
    async def as_pdf(self, found: Format) -> AsyncIterator[OpenFile]:
        """Yield a PDF with the pages of the picture in the file, which has the format *found*.

        Raises:
            PermanentError: FORMAT_NOT_INSTALLED, DOCUMENT_INVALID, DOCUMENT_TOO_LARGE, or an error
                of the sandbox.
            WorkerUnfit: there is no room for the PDF.
        """
        found.check_installed()
        request = {"op": "to_pdf", "format": found.name, "limits": self._limits.as_json()}
        async with _written(self._child, request, self._file.size, self._file.name) as written:
            yield written

    @property
    def page_count(self) -> int:
        """See ``Document``."""
        return self.info.page_count

    async def pages(self, numbers: Sequence[int], forms: PageForms) -> AsyncIterator[list[Page]]:
        """Yield the pages with *numbers*, some at a time.

        Raises:
            PermanentError: an error of the sandbox.
        """
        request = {
            "op": "read",
            "output": forms.output,
            "also": list(forms.also),
            "keep_headers": forms.keep_headers,
        }
        for start in range(0, len(numbers), _BATCH):
            batch = list(numbers[start : start + _BATCH])
            messages: list[JsonObject] = []
            await self._child.ask({**request, "pages": batch}, messages.append)
            with parsing_answer():
                yield [
                    _page_of(message["page"], number)
                    for message, number in zip(messages, batch, strict=True)
                ]

    @asynccontextmanager
    async def member(self, index: int) -> AsyncIterator[OpenFile]:
        """Yield the file inside the file with the number *index*, from 0.

        Raises:
            PermanentError: the member is damaged, encrypted or too large.
            WorkerUnfit: there is no room for the file.
        """
        name, size = self.info.members[index]
        async with _written(self._child, {"op": "member", "index": index}, size, name) as file:
            yield file

    async def pictures(self, page: int, places: Sequence[JsonObject]) -> AsyncIterator[PictureFile]:
        """See ``Document``. At most one picture is in memory at a time."""
        for place in places:
            name = str(place["name"])
            own = name[name.index("page_") :]  # a reader of several files puts something before it
            messages: list[JsonObject] = []
            request = {"op": "pictures", "page": page, "pictures": [{"name": own}]}
            await self._child.ask(request, messages.append)
            with parsing_answer():
                [message] = messages
                png = base64.b64decode(message["picture"]["png"])
            yield PictureFile(name, png)

    async def notes(self, pages: Sequence[int], *, annotations: bool) -> list[JsonObject]:
        """See ``Document``: these formats have no form fields that are read."""
        del self, pages, annotations
        return []

    async def subset(self, pages: Sequence[int]) -> bytes:
        """See ``Document``."""
        del self, pages
        raise _needs_pdf("a provider")

    async def searchable(self, pages: Sequence[int], lines: Mapping[int, str]) -> bytes:
        """See ``WholeDocument``."""
        del self, pages, lines
        raise _needs_pdf("the output pdf")

    def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        """See ``Document``."""
        del self, pages, dpi, max_side, quality
        raise _needs_pdf("include_images")


def _needs_pdf(what: str) -> PermanentError:
    message = f"{what} needs a PDF or a picture"
    return PermanentError(message, code=ErrorCode.VALIDATION_ERROR)


class FileSandbox:
    """Starts a child for each file, with limits. One instance serves all jobs."""

    def __init__(self, sandbox: Sandbox, limits: FileLimits) -> None:
        """*limits*: the limits of one file."""
        self._sandbox = sandbox
        self._limits = limits

    @asynccontextmanager
    async def file(
        self, file: OpenFile, resources: ResourceCalculator
    ) -> AsyncIterator[SandboxedFile]:
        """Yield *file* in a child, which is dead when the context ends."""
        async with self._sandbox.child([file.fd]) as child:
            try:
                yield SandboxedFile(file, child, self._limits)
            finally:
                resources.add_compute_seconds(child.cpu_sec)


@asynccontextmanager
async def _written(
    child: Child, request: JsonObject, expected_bytes: int, name: str
) -> AsyncIterator[OpenFile]:
    """Yield a temporary file with the pieces that *child* sends."""
    with temporary_file(expected_bytes) as file:
        with _no_surplus(file):
            await child.ask(request, lambda message: _write(file, message))
            file.flush()
        yield OpenFile(file.fileno(), name, file.tell())


@contextmanager
def _no_surplus(file: Any) -> Iterator[None]:
    """Cut off the room that was reserved for more bytes than were written."""
    yield
    file.truncate()


def _write(file: Any, message: JsonObject) -> None:
    with parsing_answer():
        piece = base64.b64decode(message["piece"])
    file.write(piece)


# The types in a child's messages are checked, because the child has read untrusted bytes.


def _info_of(found: JsonObject) -> FileInfo:
    members = [(str(name), int(size)) for name, size in found["members"]]
    return FileInfo(
        int(found["page_count"]), _text(found["title"]), _text(found["author"]), members
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _page_of(found: JsonObject, number: int) -> Page:
    if int(found["page"]) != number:
        raise ValueError("another page was requested")
    return Page(
        number,
        str(found["text"]),
        NATIVE,
        outputs={str(name): str(text) for name, text in found["outputs"].items()},
        pictures=[_picture(name, number) for name in found["pictures"]],
        name=_text(found["name"]),
    )


def _picture(name: object, number: int) -> JsonObject:
    prefix, _, rest = str(name).removesuffix(".png").rpartition("_")
    if prefix != f"page_{number}_image" or not rest.isdecimal():
        raise ValueError("a picture has another name")
    return {"name": str(name), "box": _NO_BOX}
