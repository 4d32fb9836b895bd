"""Runs in the child process: opens one document and answers requests about this document.

- ``{op: open, password, max_pages, max_pixels, page_sec}`` →
  ``{document: {page_count, title, author, repaired}}``.
- ``{op: scale}`` → ``{scale}``: the font sizes of headings in the document, for Markdown.
- ``{op: read, pages, method, output, scale, languages, models}`` → for each page, in order,
  ``{page: {page, text, method, reason?, confidence?}}``. The method ``defer_ocr`` works as
  ``combined``, but for a page that needs OCR the child sends only ``{deferred: page}``.
- ``{op: image, page, dpi, max_side, quality}`` → ``{image: {page, width, height, jpeg}}``.
- ``{op: subset, pages}`` → several ``{piece}``. Pieces and images are in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.layout import text_to_markdown
from secretary_documents.pdf.markdown import FontScale, MarkdownWriter, sample_font_scale
from secretary_documents.pdf.method_choice import (
    Method,
    MethodChoice,
    Reason,
    choose_method,
    is_better,
    text_stats,
)
from secretary_documents.pdf.mupdf import (
    MUPDF_ERRORS,
    copy_pages,
    describe,
    drawing_stats,
    native_text,
    open_document,
    raising_memory_error,
    render_jpeg,
    silence_mupdf,
)
from secretary_documents.pdf.ocr import Recogniser
from secretary_worker import Emit, Work, allow_cpu

Entry = dict[str, Any]
Request = dict[str, Any]

_PIECE_BYTES = 2**20
# The CPU time for the pages from which the font scale is measured. The job perhaps
# reads none of them.
_SCALE_SEC = 10.0


def warm_up() -> None:
    """Read a small page in the zygote, so that the first page of a child takes no extra time."""
    silence_mupdf()
    with pymupdf.open() as written:
        written.new_page().insert_text((72, 72), "warm")
        with pymupdf.open(stream=written.tobytes(), filetype="pdf") as document:
            page = document.load_page(0)
            native_text(page)
            drawing_stats(page)


def begin(files: Sequence[str]) -> Work:
    """Return the function that answers requests about the document in the first of *files*."""
    silence_mupdf()
    return PdfWork(files[0])


class PdfWork:
    """Answers requests about one document. The first request must be ``open``."""

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
            PermanentError: the document cannot be opened, or a page cannot be drawn or copied.
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
        emit({"scale": sample_font_scale(self._document).sizes})

    def _read(self, request: Request, emit: Emit) -> None:
        for number in request["pages"]:
            allow_cpu(self._page_sec)
            entry = self._entry(number, request)
            emit({"page": {"page": number, **entry}} if entry else {"deferred": number})

    def _entry(self, number: int, request: Request) -> Entry | None:
        try:
            with raising_memory_error():
                return self._read_page(self._document.load_page(number - 1), request)
        except MUPDF_ERRORS:
            native = request["method"] in ("native", "defer_ocr")
            method = Method.NATIVE if native else Method.OCR
            return {"text": "", "method": method, "reason": Reason.UNREADABLE}

    def _read_page(self, page: pymupdf.Page, request: Request) -> Entry | None:
        """Return the entry of *page*; None if its OCR must be deferred."""
        if request["method"] == "ocr":
            return self._recognise(page, request)
        text = native_text(page)
        if request["method"] == "native":
            return {"text": self._native(page, text, request), "method": Method.NATIVE}
        choice = choose_method(text_stats(text), lambda: drawing_stats(page))
        if choice.method is Method.OCR:
            if request["method"] == "defer_ocr":
                return None
            entry = self._recognise(page, request)
            if is_better(choice.reason, entry["text"], text):
                return {"reason": choice.reason, **entry}
            choice = MethodChoice(Method.NATIVE, Reason.NOTHING_RECOGNISED)
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
            recognised = self._recogniser.read(page)
        except PermanentError as error:
            if error.code != ErrorCode.PDF_PAGE_TOO_LARGE:
                raise
            return {"text": "", "method": Method.OCR, "reason": Reason.TOO_LARGE}
        text = recognised.text
        if request["output"] == "markdown":
            text = text_to_markdown(text)
        return {"text": text, "method": Method.OCR, "confidence": recognised.confidence}

    def _image(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        number = request["page"]
        options = {key: request[key] for key in ("dpi", "max_side", "quality")}
        try:
            with raising_memory_error():
                page = self._document.load_page(number - 1)
                jpeg, width, height = render_jpeg(page, max_pixels=self._max_pixels, **options)
        except MUPDF_ERRORS as error:
            message = f"page {number} cannot be drawn"
            raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error
        encoded = base64.b64encode(jpeg).decode()
        emit({"image": {"page": number, "width": width, "height": height, "jpeg": encoded}})

    def _subset(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        data = copy_pages(self._document, request["pages"])
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            emit({"piece": base64.b64encode(piece).decode()})
