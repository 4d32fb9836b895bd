"""Answers the requests that are not about the text of pages. Runs in the child only.

- ``{op: image, page, dpi, max_side, quality}`` → ``{image: {page, width, height, jpeg}}``.
- ``{op: pictures, page, pictures: [{name, box}], dpi}`` → ``{picture: {png}}`` for each.
- ``{op: subset, pages}`` → several ``{piece}``.
- ``{op: layer, pages: [[page, lines], …]}`` → nothing: the pages get layers of invisible text.
- ``{op: searchable, pages}`` → several ``{piece}``: a PDF of these pages with their layers.
- ``{op: notes, pages, annotations}`` → for each page with some ``{notes: {form_fields,
  annotations}}``.

Pieces and images are in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pymupdf

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.mupdf.document import copy_pages, load_page
from secretary_documents.pdf.mupdf.errors import MUPDF_ERRORS, raising_memory_error
from secretary_documents.pdf.mupdf.page import render_jpeg, render_png
from secretary_documents.pdf.notes import notes_on
from secretary_documents.pdf.searchable.layer_line import lines_from_json
from secretary_documents.pdf.searchable.layered_document import LayeredDocument
from secretary_worker import Emit, allow_cpu

Request = dict[str, Any]
Answer = Callable[[Request, Emit], None]

_PIECE_BYTES = 2**20


class DocumentParts:
    """Answers such requests about one open document."""

    def __init__(self, document: pymupdf.Document, opened: Request) -> None:
        """*opened*: the request that has opened *document*, with its password and limits."""
        self._document = document
        self._page_sec = opened["page_sec"]
        self._max_pixels = opened["max_pixels"]
        self._layered = LayeredDocument(document, opened["password"])
        self.answers: dict[str, Answer] = {
            "image": self._image,
            "pictures": self._pictures,
            "subset": self._subset,
            "layer": self._add_layers,
            "searchable": self._write_searchable,
            "notes": self._read_notes,
        }

    def _image(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        number = request["page"]
        options = {key: request[key] for key in ("dpi", "max_side", "quality")}
        try:
            with raising_memory_error():
                page = load_page(self._document, number)
                jpeg, width, height = render_jpeg(page, max_pixels=self._max_pixels, **options)
        except MUPDF_ERRORS as error:
            message = f"page {number} cannot be drawn"
            raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error
        encoded = base64.b64encode(jpeg).decode()
        emit({"image": {"page": number, "width": width, "height": height, "jpeg": encoded}})

    def _pictures(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        number = request["page"]
        try:
            with raising_memory_error():
                page = load_page(self._document, number)
                for picture in request["pictures"]:
                    options = {"dpi": request["dpi"], "max_pixels": self._max_pixels}
                    png = render_png(page, picture["box"], **options)
                    emit({"picture": {"png": base64.b64encode(png).decode()}})
        except MUPDF_ERRORS as error:
            message = f"pictures of page {number} cannot be drawn"
            raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error

    def _subset(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        _emit_pieces(copy_pages(self._document, request["pages"]), emit)

    def _add_layers(self, request: Request, emit: Emit) -> None:
        del emit
        for number, lines in request["pages"]:
            allow_cpu(self._page_sec)
            self._layered.add_layer(number, lines_from_json(lines))

    def _write_searchable(self, request: Request, emit: Emit) -> None:
        allow_cpu(self._page_sec)
        try:
            content = self._layered.write(request["pages"])
        except MUPDF_ERRORS as error:
            message = "the PDF cannot be written with its text"
            raise PermanentError(message, code=ErrorCode.PDF_INVALID) from error
        _emit_pieces(content, emit)

    def _read_notes(self, request: Request, emit: Emit) -> None:
        for number in request["pages"]:
            allow_cpu(self._page_sec)
            try:
                with raising_memory_error():
                    page = load_page(self._document, number)
                    found = notes_on(page, annotations=request["annotations"])
            except MUPDF_ERRORS:
                continue  # the page is damaged; the text of the page says so
            if any(found.values()):
                emit({"notes": found})


def _emit_pieces(data: bytes, emit: Emit) -> None:
    for start in range(0, len(data), _PIECE_BYTES):
        emit({"piece": base64.b64encode(data[start : start + _PIECE_BYTES]).decode()})
