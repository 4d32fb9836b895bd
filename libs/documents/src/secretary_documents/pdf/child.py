"""What runs in the child process: opens one document and answers what is asked of it.

``{op: open, password, max_pages, max_pixels, page_sec}`` → ``{document: {page_count, title, author,
repaired}}``. ``{op: scale}`` → ``{scale}``: the sizes of headings in the document, for Markdown.
``{op: read, pages, method, output, scale, languages, models}`` → for each page, in order,
``{page: {page, text, method, reason?, confidence?}}``; with the method ``look``, ``{later: page}``
for those that ``combined`` would recognise. ``{op: image, page, dpi, max_side, quality}`` →
``{image: {page, width, height, jpeg}}``. ``{op: subset, pages}`` → ``{piece}``, several; both in
base64.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.choice import Choice, Method, Reason, choose, facts_of, is_better
from secretary_documents.pdf.document import (
    MUPDF_ERRORS,
    describe,
    look_at,
    native_text,
    open_document,
    out_of_memory_told,
    prepare,
    subset_of,
)
from secretary_documents.pdf.markdown import FontScale, MarkdownWriter, scale_in
from secretary_documents.pdf.ocr import Recogniser
from secretary_documents.pdf.paragraph import as_paragraphs
from secretary_documents.pdf.picture import jpeg_of
from secretary_worker import Emit, Work, allow_cpu

Entry = dict[str, Any]
Request = dict[str, Any]

_PIECE_BYTES = 2**20
# Of CPU time, for a sample of pages that nobody may have asked for.
_SCALE_SEC = 10.0


def warm_up() -> None:
    """Read a page of our own: what the first page costs beyond others, children need not pay."""
    prepare()
    with pymupdf.open() as written:
        written.new_page().insert_text((72, 72), "warm")
        with pymupdf.open(stream=written.tobytes(), filetype="pdf") as document:
            page = document.load_page(0)
            native_text(page)
            look_at(page)


def begin(files: Sequence[str]) -> Work:
    """What answers requests about the document in the first of *files*."""
    prepare()
    return Session(files[0])


class Session:
    """One document; ``open`` comes first."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._document: Any = None
        self._page_sec = 0.0
        self._max_pixels = 0
        self._recogniser: Recogniser | None = None
        self._writer: MarkdownWriter | None = None

    def __call__(self, request: Request, emit: Emit) -> None:
        """Answer *request*.

        Raises:
            PermanentError: the document cannot be opened, or not used that way.
        """
        answers = {
            "open": self._open,
            "scale": self._scale,
            "read": self._read,
            "image": self._image,
            "subset": self._subset,
        }
        answers[request["op"]](request, emit)

    def _open(self, request: Request, emit: Emit) -> None:
        self._page_sec, self._max_pixels = request["page_sec"], request["max_pixels"]
        allow_cpu(self._page_sec)
        self._document = open_document(self._path, request["password"], request["max_pages"])
        emit({"document": describe(self._document)})

    def _scale(self, _: Request, emit: Emit) -> None:
        allow_cpu(min(self._page_sec, _SCALE_SEC))
        emit({"scale": scale_in(self._document).sizes})

    def _read(self, request: Request, emit: Emit) -> None:
        for number in request["pages"]:
            allow_cpu(self._page_sec)
            entry = self._entry(number, request)
            emit({"page": {"page": number, **entry}} if entry else {"later": number})

    def _entry(self, number: int, request: Request) -> Entry | None:
        try:
            with out_of_memory_told():
                return self._read_page(self._document.load_page(number - 1), request)
        except MUPDF_ERRORS:
            looked = request["method"] in ("native", "look")
            method = Method.NATIVE if looked else Method.OCR
            return {"text": "", "method": method, "reason": Reason.UNREADABLE}

    def _read_page(self, page: pymupdf.Page, request: Request) -> Entry | None:
        """What *page* has; None: it is to be recognised, and this was only a look."""
        if request["method"] == "ocr":
            return self._recognise(page, request)
        text = native_text(page)
        if request["method"] == "native":
            return {"text": self._native(page, text, request), "method": Method.NATIVE}
        choice = choose(facts_of(text), lambda: look_at(page))
        if choice.method is Method.OCR:
            if request["method"] == "look":
                return None
            entry = self._recognise(page, request)
            if is_better(choice.reason, entry["text"], text):
                return {"reason": choice.reason, **entry}
            choice = Choice(Method.NATIVE, Reason.NOTHING_RECOGNISED)
        written = self._native(page, text, request)
        return {"text": written, "method": choice.method, "reason": choice.reason}

    def _native(self, page: pymupdf.Page, text: str, request: Request) -> str:
        if request["output"] == "text" or not text:
            return text
        if self._writer is None:
            self._writer = MarkdownWriter(FontScale(tuple(request["scale"])))
        return self._writer.write(page)

    def _recognise(self, page: pymupdf.Page, request: Request) -> Entry:
        if self._recogniser is None:
            folder = Path(request["models"])
            self._recogniser = Recogniser(request["languages"], folder, self._max_pixels)
        try:
            found = self._recogniser.read(page)
        except PermanentError as error:
            if error.code != ErrorCode.PDF_PAGE_TOO_LARGE:
                raise
            return {"text": "", "method": Method.OCR, "reason": Reason.TOO_LARGE}
        text = as_paragraphs(found.text) if request["output"] == "markdown" else found.text
        return {"text": text, "method": Method.OCR, "confidence": found.confidence}

    def _image(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        number = request["page"]
        wanted = {key: request[key] for key in ("dpi", "max_side", "quality")}
        try:
            with out_of_memory_told():
                page = self._document.load_page(number - 1)
                jpeg, width, height = jpeg_of(page, max_pixels=self._max_pixels, **wanted)
        except MUPDF_ERRORS as error:
            message = f"page {number} cannot be drawn"
            raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error
        encoded = base64.b64encode(jpeg).decode()
        emit({"image": {"page": number, "width": width, "height": height, "jpeg": encoded}})

    def _subset(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        data = subset_of(self._document, request["pages"])
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            emit({"piece": base64.b64encode(piece).decode()})
