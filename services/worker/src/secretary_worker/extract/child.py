"""The child process that reads one document, page by page.

Request: ``{path, password, max_pages, method, page_start, page_end, languages, tessdata}``.
Messages: ``{"document": {page_count, title, author, sha256, repaired, first, last}}``, then for
each page ``{"page": {page, text, method, reason?, confidence?}}``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.confinement import Emit, serve
from secretary_worker.extract.choice import Choice, Method, Reason, choose
from secretary_worker.extract.document import (
    MUPDF_ERRORS,
    PageRange,
    describe,
    look_at,
    native_text,
    open_document,
    out_of_memory_told,
    prepare,
)

Entry = dict[str, Any]
Reader = Callable[[pymupdf.Page], Entry]


def extract(request: dict[str, Any], emit: Emit) -> None:
    """Read the document of *request* and send what is in it.

    Raises:
        PermanentError: the document cannot be read, or not one page of it.
    """
    prepare()
    document = open_document(request["path"], request["password"], request["max_pages"])
    pages = PageRange(request["page_start"], request["page_end"]).within(document.page_count)
    facts = describe(document, request["path"])
    with ExitStack() as stack:
        read = _reader(request, stack)
        emit({"document": {**facts, "first": pages.start, "last": pages.stop - 1}})
        unreadable = 0
        for number in pages:
            entry = _read_page(document, number, read)
            unreadable += entry.get("reason") == Reason.UNREADABLE
            emit({"page": {"page": number, **entry}})
    if unreadable == len(pages):
        raise PermanentError("no page of the PDF is readable", code=ErrorCode.PDF_INVALID)


def _read_page(document: pymupdf.Document, number: int, read: Reader) -> Entry:
    try:
        with out_of_memory_told():
            return read(document.load_page(number - 1))
    except MUPDF_ERRORS:
        return {"text": "", "method": Method.NATIVE, "reason": Reason.UNREADABLE}


def _reader(request: dict[str, Any], stack: ExitStack) -> Reader:
    if request["method"] == "native":
        return _read_natively
    # Tesseract is loaded only where it is needed: it doubles the time the child takes to start.
    from secretary_worker.extract.ocr import Recogniser, built_in_folder  # noqa: PLC0415

    extra = [Path(request["tessdata"])] if request["tessdata"] else []
    recogniser = stack.enter_context(Recogniser(request["languages"], [built_in_folder(), *extra]))

    def recognise(page: pymupdf.Page) -> Entry:
        found = recogniser.read(page)
        return {"text": found.text, "method": Method.OCR, "confidence": found.confidence}

    def read_either_way(page: pymupdf.Page) -> Entry:
        text = native_text(page)
        choice = choose(look_at(page, text))
        return _follow(choice, text, lambda: recognise(page))

    return recognise if request["method"] == "ocr" else read_either_way


def _read_natively(page: pymupdf.Page) -> Entry:
    return {"text": native_text(page), "method": Method.NATIVE}


def _follow(choice: Choice, text: str, recognise: Callable[[], Entry]) -> Entry:
    if choice.method is Method.OCR:
        entry = recognise()
        if entry["text"] or not text:
            return {**entry, "reason": choice.reason}
        choice = Choice(Method.NATIVE, Reason.NOTHING_RECOGNISED)
    return {"text": text, "method": choice.method, "reason": choice.reason}


if __name__ == "__main__":
    serve(extract)
