"""Runs in the child process: opens one document and answers requests about this document.

- ``{op: open, password, max_pages, max_pixels, page_sec}`` →
  ``{document: {page_count, title, author, repaired}}``.
- ``{op: style, output}`` → ``{style}``: the measures of the document (``DocumentStyle``). For text
  only the running heads and feet are measured.
- ``{op: read, pages, method, output, keep_headers, style, languages, models}`` → for each page,
  in order, ``{page: {page, text, method, reason?, confidence?}}``. The method ``defer_ocr`` is
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
from secretary_documents.pdf.layout.document_style import (
    page_style,
    sample_running_lines,
    sample_style,
)
from secretary_documents.pdf.layout.model import Box, PageLayout, Picture
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.picture import pictures_on
from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.style import DocumentStyle
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
    open_document,
    raising_memory_error,
    render_jpeg,
    silence_mupdf,
)
from secretary_documents.pdf.ocr.recogniser import Recogniser
from secretary_documents.pdf.writers.output import write, write_plain, write_recognised
from secretary_worker import Emit, Work, allow_cpu

Entry = dict[str, Any]
Request = dict[str, Any]

_PIECE_BYTES = 2**20
# The CPU time for the pages from which the style is measured. The job perhaps
# reads none of them.
_STYLE_SEC = 10.0
# Fewer letters in a picture are noise.
_LEAST_LETTERS = 4
# The errors that the layout of an odd page may raise. MuPDF's errors are handled elsewhere.
_LAYOUT_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, RecursionError)


def warm_up() -> None:
    """Read a small page in the zygote, so that the first page of a child takes no extra time."""
    silence_mupdf()
    with pymupdf.open() as written:
        written.new_page().insert_text((72, 72), "warm")
        with pymupdf.open(stream=written.tobytes(), filetype="pdf") as document:
            page = document.load_page(0)
            source = PageSource(page)
            PlainPage(source).text()
            write(layout_of(source, DocumentStyle()), "markdown", keep_headers=True)
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
        self._style: DocumentStyle | None = None
        self._sampled: dict[int, PageSource] = {}

    def __call__(self, request: Request, emit: Emit) -> None:
        """Answer *request*.

        Raises:
            PermanentError: the document cannot be opened, or a page cannot be drawn or copied.
        """
        answers = {
            "open": self._open,
            "style": self._sample,
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

    def _sample(self, request: Request, emit: Emit) -> None:
        allow_cpu(min(self._page_sec, _STYLE_SEC))
        if request["output"] == "text":
            style = sample_running_lines(self._document)
        else:
            style = sample_style(self._document, self._keep_sampled)
        emit({"style": style.as_json()})

    def _keep_sampled(self, page: pymupdf.Page) -> PageSource:
        """Read *page* for the style, and keep the text until the page is read for the job."""
        source = self._sampled[page.number] = PageSource(page)
        return source

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
        source = self._sampled.pop(page.number, None) or PageSource(page)
        plain = PlainPage(source)
        if request["method"] == "native":
            return {"text": self._native(source, plain, request), "method": Method.NATIVE}
        text = plain.text()
        choice = choose_method(text_stats(text), lambda: drawing_stats(page))
        if choice.method is Method.OCR:
            if request["method"] == "defer_ocr":
                return None
            entry = self._recognise(page, request)
            if is_better(choice.reason, entry["text"], text):
                return {"reason": choice.reason, **entry}
            choice = MethodChoice(Method.NATIVE, Reason.NOTHING_RECOGNISED)
        places = pictures_on(page) if choice.reason is Reason.TEXT else []
        if places and request["method"] == "defer_ocr":
            return None
        pictures = self._read_pictures(page, places, request)
        written = self._native(source, plain, request, pictures)
        entry = {"text": written, "method": choice.method, "reason": choice.reason}
        if pictures:
            confidence = min(picture.confidence for picture in pictures)
            entry |= {"reason": Reason.PICTURES, "confidence": confidence}
        return entry

    def _native(
        self,
        source: PageSource,
        plain: PlainPage,
        request: Request,
        pictures: Sequence[Picture] = (),
    ) -> str:
        """Return the text of a page as the output of *request*, with that of *pictures*."""
        style = self._style_of(source, request)
        keep = bool(request.get("keep_headers"))
        output = request["output"]
        if output == "text":
            if plain.is_one_column() and not pictures:
                return plain.text() if keep else plain.without_running_lines(style)
            style = page_style(source, style.running)
        try:
            return write(layout_of(source, style, pictures), output, keep_headers=keep)
        except _LAYOUT_ERRORS:
            # A page so odd that it has no layout still has its text.
            return write_plain(_empty(source.page), plain.text(), output, method=Method.NATIVE)

    def _style_of(self, source: PageSource, request: Request) -> DocumentStyle:
        """Return the style of the document; without it, the style of the page."""
        if self._style is None and (given := request.get("style")):
            self._style = DocumentStyle.from_json(given)
        return self._style or page_style(source, frozenset())

    def _read_pictures(
        self, page: pymupdf.Page, places: Sequence[Box], request: Request
    ) -> list[Picture]:
        """Return those of the pictures at *places* in which text was recognised."""
        pictures = []
        for place in places:
            try:
                found = self._recogniser_of(request).read_picture(page, place)
            except PermanentError as error:
                if error.code != ErrorCode.PDF_PAGE_TOO_LARGE:
                    raise
                return []
            if found.letters >= _LEAST_LETTERS:
                pictures.append(Picture(place, tuple(found.layout_lines()), found.confidence))
        return pictures

    def _recogniser_of(self, request: Request) -> Recogniser:
        if self._recogniser is None:
            folder = Path(request["models"])
            self._recogniser = Recogniser(request["languages"], folder, self._max_pixels)
        return self._recogniser

    def _recognise(self, page: pymupdf.Page, request: Request) -> Entry:
        try:
            recognised = self._recogniser_of(request).read(page)
        except PermanentError as error:
            if error.code != ErrorCode.PDF_PAGE_TOO_LARGE:
                raise
            return {"text": "", "method": Method.OCR, "reason": Reason.TOO_LARGE}
        layout = _empty(page)
        layout.blocks = recognised.blocks()
        text = write_recognised(layout, recognised.text, request["output"])
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


def _empty(page: pymupdf.Page) -> PageLayout:
    return PageLayout(page.number + 1, page.rect.width, page.rect.height)
