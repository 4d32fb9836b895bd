"""Runs in the child process: finds the format of one file, reads it, and takes files out of it.

- ``{op: detect}`` → ``{format}``, the name of the format.
- ``{op: open, format, limits, min_points}`` → ``{document: {page_count, title, author, members}}``;
  ``members`` has the name and the size of each file inside the file.
- ``{op: read, pages, output, also, keep_headers}`` → for each page, in order, ``{page: {page, name,
  text, outputs, pictures}}``.
- ``{op: pictures, page, pictures: [{name}]}`` → ``{picture: {png}}`` for each.
- ``{op: member, index}`` → several ``{piece}``: the bytes of a file inside the file.
- ``{op: to_pdf, format, limits}`` → several ``{piece}``: a PDF with the pages of a picture.

Pieces and pictures are in base64.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from secretary_common.errors import SecretaryError
from secretary_documents.formats.builder import Builder, FilePage
from secretary_documents.formats.detection import detect
from secretary_documents.formats.limits import FileLimits, damaged
from secretary_documents.formats.photo import readable_picture
from secretary_documents.formats.readers import READERS
from secretary_documents.pdf.mupdf.document import silence_mupdf
from secretary_documents.pdf.pictures.picture_pages import pdf_of_picture
from secretary_documents.pdf.pictures.raster import to_png
from secretary_documents.pdf.writers.output import write
from secretary_worker import Emit, Work

Request = dict[str, Any]
_PIECE_BYTES = 2**20
# A picture that cannot be shown becomes one transparent pixel, so that links to it stay valid.
_NO_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def begin(files: Sequence[str]) -> Work:
    """Return the function that answers requests about the first of *files*."""
    silence_mupdf()
    return FileWork(files[0])


class FileWork:
    """Answers requests about one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._builder: Builder | None = None
        self._answers: dict[str, Callable[[Request, Emit], None]] = {
            "detect": self._detect,
            "open": self._open,
            "read": self._read,
            "pictures": self._pictures,
            "member": self._member,
            "to_pdf": self._to_pdf,
        }

    def __call__(self, request: Request, emit: Emit) -> None:
        """Answer *request*.

        Raises:
            PermanentError: the file cannot be read.
        """
        try:
            self._answers[request["op"]](request, emit)
        except (SecretaryError, MemoryError):
            raise
        except RecursionError as error:
            raise damaged("the file is nested too deeply") from error
        except Exception as error:  # a damaged file may lead a reader anywhere
            raise damaged(f"the file is damaged ({type(error).__name__})") from error

    @property
    def _opened(self) -> Builder:
        if self._builder is None:
            raise damaged("the file is not open")
        return self._builder

    def _detect(self, request: Request, emit: Emit) -> None:
        del request
        fd = os.open(self._path, os.O_RDONLY)
        try:
            emit({"format": detect(fd).name})
        finally:
            os.close(fd)

    def _open(self, request: Request, emit: Emit) -> None:
        limits = FileLimits(**request["limits"])
        builder = Builder(limits, min_points=request["min_points"])
        READERS[request["format"]](self._path, builder)
        builder.finish()
        self._builder = builder
        members = [[member.name, member.size] for member in builder.members]
        emit(
            {
                "document": {
                    "page_count": len(builder.pages),
                    "title": builder.title,
                    "author": builder.author,
                    "members": members,
                }
            }
        )

    def _read(self, request: Request, emit: Emit) -> None:
        for number in request["pages"]:
            emit({"page": _entry(self._opened.pages[number - 1], request)})

    def _pictures(self, request: Request, emit: Emit) -> None:
        page = self._opened.pages[request["page"] - 1]
        for picture in request["pictures"]:
            png = to_png(page.pictures[picture["name"]](), self._opened.limits.max_pixels)
            emit({"picture": {"png": base64.b64encode(png or _NO_PICTURE).decode()}})

    def _member(self, request: Request, emit: Emit) -> None:
        _emit_pieces(self._opened.members[request["index"]].load(), emit)

    def _to_pdf(self, request: Request, emit: Emit) -> None:
        limits = FileLimits(**request["limits"])
        content = Path(self._path).read_bytes()
        picture = readable_picture(content, request["format"], limits)
        made = pdf_of_picture(picture, max_pages=limits.max_pages, max_pixels=limits.max_pixels)
        _emit_pieces(made, emit)


def _entry(page: FilePage, request: Request) -> dict[str, Any]:
    keep = bool(request["keep_headers"])
    outputs = {one: write(page.layout, one, keep_headers=keep) for one in request["also"]}
    return {
        "page": page.layout.number,
        "name": page.name,
        "text": write(page.layout, request["output"], keep_headers=keep),
        "outputs": outputs,
        "pictures": list(page.pictures),
    }


def _emit_pieces(data: bytes, emit: Emit) -> None:
    for start in range(0, len(data), _PIECE_BYTES):
        emit({"piece": base64.b64encode(data[start : start + _PIECE_BYTES]).decode()})
