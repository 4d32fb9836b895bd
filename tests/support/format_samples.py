"""A sample of each format that a ``document`` job reads, made by the libraries of the formats."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

import odfdo
import pillow_heif
import pymupdf
from PIL import Image
from support import pdf_samples
from support.office_samples import (
    old_workbook,
    open_document,
    slides,
    word,
    workbook,
    zipped,
)
from support.outlook_samples import BODY, SENDER, SUBJECT, TO, outlook_mail

WORD = "Lighthouse"
"""A word of each sample."""

pillow_heif.register_heif_opener()


def _word(document: Any) -> None:
    document.add_heading(f"{WORD} report", 1)
    document.add_paragraph("one", style="List Bullet")
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"


def _slides(presentation: Any) -> None:
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = WORD
    slide.placeholders[1].text = "point"


def _book(book: Any) -> None:
    book.active.append([WORD, 2026])
    book.active.merge_cells("A2:B2")


def _old_book(book: Any) -> None:
    book.add_sheet("Old").write(0, 0, WORD)


def _text(body: Any) -> None:
    body.append(odfdo.Header(1, WORD))
    body.append(odfdo.List(["a", "b"]))


def _sheet(body: Any) -> None:
    table = odfdo.Table("Sheet")
    table.set_values([[WORD, 1]])
    body.append(table)


def _page(body: Any) -> None:
    page = odfdo.DrawPage("One", name="One")
    frame = f"<draw:frame><draw:text-box><text:p>{WORD}</text:p></draw:text-box></draw:frame>"
    page.append(odfdo.Element.from_tag(frame))
    body.append(page)


def _epub() -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="book.opf"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="a.xhtml" '
        'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine>'
        "</package>"
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book.opf": package,
            "a.xhtml": f"<html><body><h1>{WORD}</h1><p>text</p></body></html>",
        }
    )


def mail(*attachments: tuple[str, bytes]) -> bytes:
    """Return a mail with *attachments*, by name and content."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@a.example", "b@b.example", WORD
    message.set_content("See the files.")
    for name, content in attachments:
        message.add_attachment(content, maintype="application", subtype="x", filename=name)
    return message.as_bytes()


def _picture(kind: str) -> bytes:
    """Return a picture of a page with ``WORD``."""
    text = [f"{WORD} number 4711", "stands on the coast and shines"]
    with pymupdf.open("pdf", pdf_samples.scan_pdf([text])) as document:
        png = document[0].get_pixmap(dpi=150).tobytes("png")
    if kind == "PNG":
        return bytes(png)
    written = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(written, kind)
    return written.getvalue()


_RICH = rf"{{\rtf1\ansi\pard\outlinelevel0 {WORD}\par\trowd\cellx1\pard\intbl a\cell\row}}"

SAMPLES: Mapping[str, Callable[[], bytes]] = {
    "docx": lambda: word(_word),
    "pptx": lambda: slides(_slides),
    "xlsx": lambda: workbook(_book),
    "xls": lambda: old_workbook(_old_book),
    "odt": lambda: open_document("text", _text),
    "ods": lambda: open_document("spreadsheet", _sheet),
    "odp": lambda: open_document("presentation", _page),
    "rtf": _RICH.encode,
    "html": f"<!doctype html><h1>{WORD}</h1><table><tr><td>a<td>b</table>".encode,
    "epub": _epub,
    "eml": lambda: mail(("a.csv", b"a,b\n1,2\n3,4\n")),
    "msg": lambda: outlook_mail(
        {SUBJECT: WORD, SENDER: "Ada", TO: "Bob", BODY: "text"}, attachments=[("a.txt", b"text")]
    ),
    "csv": f"{WORD},b\n1,2\n3,4\n".encode,
    "md": f"# {WORD}\n\n- a\n- b\n".encode,
    "txt": f"{WORD}\n\nmore text\n".encode,
    "png": lambda: _picture("PNG"),
    "jpeg": lambda: _picture("JPEG"),
    "tiff": lambda: _picture("TIFF"),
    "webp": lambda: _picture("WEBP"),
    "heic": lambda: _picture("HEIF"),
    "pdf": lambda: pdf_samples.text_pdf([WORD]),
    "zip": lambda: zipped({"a.txt": f"{WORD} text", "b/c.html": "<html><p>b</p></html>"}),
}
"""By the name of the format."""
