"""Runs in the child process: opens one document and answers requests about this document.

- ``{op: open, password, max_pages, max_pixels, page_sec}`` →
  ``{document: {page_count, title, author, repaired, form}}``.
- ``{op: style, output}`` → ``{style}``: the measures of the document (``DocumentStyle``). For text
  only the running heads and feet are measured.
- ``{op: read, pages, method, output, also, keep_headers, style, ocr, lines, pictures}`` → for each
  page, in order, ``{page: {page, text, method, reason?, confidence?, engine?, script?, outputs?,
  lines?, pictures?}}``. ``text`` is the page as ``output``, ``outputs`` has the page as each of
  ``also``, ``lines`` has the recognised lines, and ``pictures`` the pictures to keep. The method
  ``defer_ocr`` is ``combined``, but for a page that needs OCR the child sends only
  ``{deferred: page}``.

``document_parts`` describes all other requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.document_parts import DocumentParts
from secretary_documents.pdf.layout.document_style import (
    page_style,
    sample_running_lines,
    sample_style,
)
from secretary_documents.pdf.layout.model import Box, PageLayout, Picture
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.picture import kept_pictures_on, pictures_on, with_files
from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.style import DocumentStyle
from secretary_documents.pdf.method_choice import (
    DrawingStats,
    Method,
    MethodChoice,
    Reason,
    choose_method,
    is_better,
    text_stats,
)
from secretary_documents.pdf.mupdf.document import (
    describe,
    load_page,
    open_document,
    silence_mupdf,
)
from secretary_documents.pdf.mupdf.errors import (
    MUPDF_ERRORS,
    ODD_PAGE_ERRORS,
    or_else,
    raising_memory_error,
)
from secretary_documents.pdf.mupdf.page import drawing_stats
from secretary_documents.pdf.ocr.heading import mark_headings
from secretary_documents.pdf.ocr.recogniser import Recogniser
from secretary_documents.pdf.ocr.recognition import RecognisedLine
from secretary_documents.pdf.ocr.text_order import in_text_order
from secretary_documents.pdf.ocr_options import OcrOptions
from secretary_documents.pdf.page_entry import (
    edges_entry,
    lines_entry,
    outputs_of,
    pictures_entry,
    shown_on,
    written_entry,
)
from secretary_documents.pdf.writers.output import write, write_plain, write_recognised
from secretary_worker import Emit, Work, allow_cpu

Entry = dict[str, Any]
Request = dict[str, Any]

# The CPU time for the pages from which the style is measured. The job perhaps
# reads none of them.
_STYLE_SEC = 10.0
_NO_DRAWING = DrawingStats(image_cover=0.0, paths=0)
# Fewer letters in a picture are noise.
_LEAST_LETTERS = 4


def warm_up() -> None:
    """Read small pages in the zygote, so that the first page of a child takes no extra time."""
    silence_mupdf()
    with pymupdf.open() as written:
        for font in ("helv", "tiro", "cour"):  # MuPDF's own fonts, which PDFs may name
            written.new_page().insert_text((72, 72), "warm", fontname=font)
        with pymupdf.open(stream=written.tobytes(), filetype="pdf") as document:
            for page in document:
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
        self._parts: DocumentParts | None = None
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
        answers = {"open": self._open, "style": self._sample, "read": self._read}
        if self._parts:
            answers |= self._parts.answers
        answers[request["op"]](request, emit)

    def _open(self, request: Request, emit: Emit) -> None:
        self._page_sec, self._max_pixels = request["page_sec"], request["max_pixels"]
        allow_cpu(self._page_sec)
        self._document = open_document(self._path, request["password"], request["max_pages"])
        self._parts = DocumentParts(self._document, request)
        emit({"document": describe(self._document)})

    def _sample(self, request: Request, emit: Emit) -> None:
        allow_cpu(min(self._page_sec, _STYLE_SEC))
        if request["output"] == "text":
            style = sample_running_lines(self._document, self._keep_sampled)
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
                return self._read_page(load_page(self._document, number), request)
        except MUPDF_ERRORS:
            native = request["method"] in ("native", "defer_ocr")
            method = Method.NATIVE if native else Method.OCR
            return {"text": "", "method": method, "reason": Reason.UNREADABLE}

    def _read_page(self, page: pymupdf.Page, request: Request) -> Entry | None:
        """Return the entry of *page*; None if its OCR must be deferred."""
        if request["method"] == "ocr":
            return self._recognise(page, request)[0]
        source = self._sampled.pop(page.number, None) or PageSource(page)
        plain = PlainPage(source)
        kept = _kept_pictures(page, request)
        if request["method"] == "native":
            return {**self._native(source, plain, request, kept), "method": Method.NATIVE}
        text = plain.text()
        stats = text_stats(text)
        choice = choose_method(stats, lambda: or_else(drawing_stats, page, _NO_DRAWING))
        if choice.method is Method.OCR:
            if request["method"] == "defer_ocr":
                return None
            entry, recognised = self._recognise(page, request)
            foreign = entry.get("reason") is Reason.LANGUAGE_MISSING
            if (foreign and not text) or is_better(choice.reason, recognised, text):
                return {"reason": choice.reason, **entry}
            choice = MethodChoice(Method.NATIVE, Reason.NOTHING_RECOGNISED)
        is_text = choice.reason is Reason.TEXT
        places: list[Box] = or_else(pictures_on, page, []) if is_text else []
        if places and request["method"] == "defer_ocr":
            return None
        pictures, lines = self._read_pictures(page, places, request)
        entry = {
            **self._native(source, plain, request, with_files(pictures, kept)),
            "method": choice.method,
            "reason": choice.reason,
        }
        if pictures:
            confidence = min(picture.confidence or 0.0 for picture in pictures)
            entry |= {"reason": Reason.PICTURES, "confidence": confidence}
        return entry | lines_entry(lines, request)

    def _native(
        self,
        source: PageSource,
        plain: PlainPage,
        request: Request,
        pictures: Sequence[Picture],
    ) -> Entry:
        """Return a page as the outputs of *request*, with *pictures*."""
        known = self._known_style(request)
        running = known.running if known else frozenset[str]()
        keep = bool(request.get("keep_headers"))
        outputs = outputs_of(request)
        written: dict[str, str] = {}
        edges: Entry = {}
        if "text" in outputs and plain.is_one_column() and not any(one.lines for one in pictures):
            written["text"] = plain.text() if keep else plain.without_running_lines(running)
        left = [output for output in outputs if output not in written]
        if left:
            try:
                with raising_memory_error():
                    measured = known if left != ["text"] else None
                    style = measured or page_style(source, running)
                    layout = layout_of(source, style, pictures)
                    written |= {one: write(layout, one, keep_headers=keep) for one in left}
                    edges = edges_entry(layout, written)
            except ODD_PAGE_ERRORS:
                # A page so odd that it has no layout still has its text.
                empty, text = _empty(source.page), plain.text()
                written |= {
                    one: write_plain(empty, text, one, method=Method.NATIVE) for one in left
                }
        return {
            **written_entry(written, request),
            **pictures_entry(pictures, source.page),
            **edges,
        }

    def _known_style(self, request: Request) -> DocumentStyle | None:
        """Return the style of the document; None if it was not measured."""
        if self._style is None and (given := request.get("style")):
            self._style = DocumentStyle.from_json(given)
        return self._style

    def _read_pictures(
        self, page: pymupdf.Page, places: Sequence[Box], request: Request
    ) -> tuple[list[Picture], list[list[RecognisedLine]]]:
        """Return the pictures at *places* in which text was recognised, and the lines of each."""
        pictures, lines = [], list[list[RecognisedLine]]()
        for place in places:
            try:
                found = self._recogniser_of(request).read_picture(page, shown_on(page, place))
            except PermanentError as error:
                if error.code != ErrorCode.PDF_PAGE_TOO_LARGE:
                    raise
                return [], []
            if found.letters >= _LEAST_LETTERS:
                pictures.append(Picture(place, tuple(found.layout_lines()), found.confidence))
                lines.append(list(found.lines))
        return pictures, lines

    def _recogniser_of(self, request: Request) -> Recogniser:
        if self._recogniser is None:
            self._recogniser = Recogniser(OcrOptions.of(request["ocr"]), self._max_pixels)
        return self._recogniser

    def _recognise(self, page: pymupdf.Page, request: Request) -> tuple[Entry, str]:
        """Return the entry of *page* and the text that was recognised."""
        nothing = {"text": "", "method": Method.OCR}
        try:
            with raising_memory_error():
                recognised = self._recogniser_of(request).read(page)
        except PermanentError as error:
            if error.code != ErrorCode.PDF_PAGE_TOO_LARGE:
                raise
            return {**nothing, "reason": Reason.TOO_LARGE}, ""
        except MUPDF_ERRORS:  # the page may have text all the same
            return {**nothing, "reason": Reason.UNREADABLE}, ""
        if script := recognised.missing_script:
            return {**nothing, "reason": Reason.LANGUAGE_MISSING, "script": script}, ""
        layout, text = _empty(page), recognised.text
        layout.blocks = recognised.blocks()
        mark_headings(layout.blocks, recognised.parts())
        written = {one: write_recognised(layout, text, one) for one in outputs_of(request)}
        return {
            **written_entry(written, request),
            "method": Method.OCR,
            "confidence": recognised.confidence,
            "engine": recognised.engine,
            **lines_entry(in_text_order(recognised), request),
        }, text


def _kept_pictures(page: pymupdf.Page, request: Request) -> list[Picture]:
    """Return the pictures of *page* that become files, if the job keeps pictures."""
    if not (wanted := request.get("pictures")):
        return []
    return or_else(lambda page: kept_pictures_on(page, wanted["min_points"]), page, [])


def _empty(page: pymupdf.Page) -> PageLayout:
    return PageLayout(page.number + 1, page.rect.width, page.rect.height)
