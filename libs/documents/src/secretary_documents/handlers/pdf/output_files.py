"""Makes the files of a job: documents, a searchable PDF, pictures and tables."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf.images import MAX_IMAGES
from secretary_documents.handlers.pdf.options import MOST_OUTPUTS
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.pdf.page import Page, WholeDocument
from secretary_documents.pdf.writers.csv import table_to_csv
from secretary_documents.pdf.writers.html import image_element
from secretary_documents.pdf.writers.markdown import image_link
from secretary_worker import parsing_answer

_PDF = "application/pdf"
_CSV = "text/csv; charset=utf-8"
_PICTURE_MARKS = (image_link, image_element)
_EMPTY_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Contents:
    """The pages of a document with its title, for one file."""

    pages: Sequence[Page]
    title: str


Write = Callable[[Contents], str]


def _text(contents: Contents) -> str:
    return pages_text((page.number, page.as_output("text")) for page in contents.pages)


def _markdown(contents: Contents) -> str:
    parts = (f"<!-- page {one.number} -->\n\n{one.as_output('markdown')}" for one in contents.pages)
    return "\n\n".join(parts) + "\n"


def _html(contents: Contents) -> str:
    sections = (
        f'<section id="page-{page.number}">\n{page.as_output("html")}\n</section>'
        for page in contents.pages
    )
    return "\n".join(
        [
            "<!doctype html>",
            f'<html>\n<head>\n<meta charset="utf-8">\n<title>{escape(contents.title)}</title>',
            "</head>\n<body>",
            *sections,
            "</body>\n</html>\n",
        ]
    )


def _json(contents: Contents) -> str:
    # The pages are JSON already, and reading them again would take memory.
    pages = (
        page.as_output("json") or json.dumps({"page": page.number, "blocks": []})
        for page in contents.pages
    )
    title = json.dumps(contents.title, ensure_ascii=False)
    joined = ",\n".join(pages)
    return f'{{"title": {title}, "pages": [\n{joined}\n]}}\n'


_WRITERS: dict[str, tuple[str, str, Write]] = {
    "text": ("document.txt", "text/plain; charset=utf-8", _text),
    "markdown": ("document.md", "text/markdown; charset=utf-8", _markdown),
    "html": ("document.html", "text/html; charset=utf-8", _html),
    "json": ("document.json", "application/json", _json),
}
PDF_FILE = "document.pdf"


def whole_document(contents: Contents, output: str) -> str:
    """Return *contents* as the file that the job has of *output*: text, markdown, html or json."""
    return _WRITERS[output][2](contents)


def pages_text(pages: Iterable[tuple[int, str]]) -> str:
    """Return the texts of *pages*, each after a line ``--- Page N ---``."""
    # One join: the text of all pages may be large.
    parts: list[str] = []
    for number, text in pages:
        parts += ("\n\n" if parts else "", f"--- Page {number} ---\n", text)
    return "".join(parts)


def check_file_count(parameters: PdfParameters, pages: int) -> None:
    """Refuse a job whose images, pictures and tables may be more files than a job may have.

    Raises:
        PermanentError: VALIDATION_ERROR.
    """
    wanted = [one for one in (parameters.pictures, parameters.tables) if one is not None]
    if not wanted:
        return
    count = sum(one.max_count for one in wanted) + (pages if parameters.include_images else 0)
    if count > (most := MAX_IMAGES - MOST_OUTPUTS):
        message = f"pictures, tables and include_images: {count} files, at most {most}"
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)


async def add_documents(
    parameters: PdfParameters, contents: Contents, document: WholeDocument, report: JobReport
) -> JsonObject:
    """Store each output of a list as a file, and the searchable PDF. Return them by output.

    Raises:
        PermanentError: the PDF cannot be written, a file is too large, or an error of the sandbox.
    """
    stored: JsonObject = {}
    if isinstance(parameters.output, list):
        for output in parameters.outputs:
            if output != "pdf":
                name, kind, write = _WRITERS[output]
                content = write(contents).encode(errors="replace")
                await report.file(name, content, kind)
                stored[output] = _entry(name, kind, content)
    if parameters.is_searchable:
        numbers = [page.number for page in contents.pages]
        lines = {page.number: page.lines for page in contents.pages if page.lines}
        content = await document.searchable(numbers, lines)
        await report.file(PDF_FILE, content, _PDF)
        stored["pdf"] = {**_entry(PDF_FILE, _PDF, content), "pages_with_added_text": sorted(lines)}
    return stored


def _entry(name: str, kind: str, content: bytes) -> JsonObject:
    return {"file": name, "content_type": kind, "size": len(content)}


async def add_pictures(
    pages: Sequence[Page], most: int, document: WholeDocument, report: JobReport
) -> list[JsonObject]:
    """Store the first *most* pictures of *pages*. Return them with their pages and boxes.

    Raises:
        PermanentError: a picture cannot be drawn, or an error of the sandbox.
    """
    kept: list[JsonObject] = []
    for page in pages:
        places = page.pictures[: most - len(kept)]
        async for picture in document.pictures(page.number, places):
            await report.file(picture.name, picture.png, "image/png")
        kept += [
            {"page": page.number, "file": place["name"], **_rounded(place["box"])}
            for place in places
        ]
    if (found := sum(len(page.pictures) for page in pages)) > len(kept):
        report.log("warning", f"{len(kept)} of {found} pictures are kept (pictures.max_count)")
    return kept


async def add_tables(
    tables: Sequence[JsonObject], most: int, report: JobReport
) -> list[JsonObject]:
    """Store the first *most* of *tables* as CSV. Return them with their pages and boxes.

    *tables* are blocks as in JSON, in the order of the document.

    Raises:
        PermanentError: PARSER_CRASHED, a table is not what a child may send.
    """
    kept: list[JsonObject] = []
    counts: Counter[int] = Counter()
    for block in tables[:most]:
        with parsing_answer():
            written = await asyncio.to_thread(table_to_csv, block["table"])
            page, size = int(block["page"]), _size(block["table"])
            box = {"box": block["box"]} if "box" in block else {}
        counts[page] += 1
        name = f"page_{page}_table_{counts[page]}.csv"
        await report.file(name, written.encode(errors="replace"), _CSV)
        kept.append({"page": page, "file": name, **box, **size})
    if len(tables) > len(kept):
        report.log("warning", f"{len(kept)} of {len(tables)} tables are kept (tables.max_count)")
    return kept


def _size(table: JsonObject) -> JsonObject:
    return {name: table[name] for name in ("rows", "columns")}


def _rounded(box: Sequence[float]) -> JsonObject:
    """Return *box* rounded. Pictures of office files have no place on their page."""
    return {"box": [round(side, 1) for side in box]} if any(box) else {}


def without_pictures_after(pages: Sequence[Page], most: int) -> list[Page]:
    """Return *pages* without links to pictures after the first *most*."""
    left, linked = most, []
    for page in pages:
        dropped = [picture["name"] for picture in page.pictures[left:]]
        linked.append(_without(page, dropped) if dropped else page)
        left = max(left - len(page.pictures), 0)
    return linked


def _without(page: Page, names: Sequence[str]) -> Page:
    kept = [picture for picture in page.pictures if picture["name"] not in names]
    return replace(
        page,
        text=_unlinked(page.text, names),
        outputs={output: _unlinked(text, names) for output, text in page.outputs.items()},
        pictures=kept,
    )


def _unlinked(text: str, names: Sequence[str]) -> str:
    for name in names:
        for mark in (*(make(name) for make in _PICTURE_MARKS), f', "image": "{name}"'):
            text = text.replace(mark, "")
    return _EMPTY_LINES.sub("\n\n", text)
