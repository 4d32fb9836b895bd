"""Sample PDFs, made where they are needed: good ones, scans, damaged ones and bombs."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import pymupdf

A4 = pymupdf.paper_rect("a4")
TABLE = (("Artikel", "Menge", "Preis"), ("Äpfel", "12", "3,40"), ("Käse", "2", "17,90"))
REPORT_TITLE = "Jahresbericht über größere Vorhaben"
PROSE = (
    "Die Sitzung begann pünktlich um neun Uhr.",
    "Alle Mitglieder des Ausschusses waren anwesend.",
    "The minutes of the last meeting were approved.",
    "Next year the library will open on Sundays too.",
)


def text_pdf(pages: Iterable[str | Sequence[str]], *, title: str = "", author: str = "") -> bytes:
    """A PDF with one page for each text."""
    with pymupdf.open() as document:
        for text in pages:
            page = document.new_page(width=A4.width, height=A4.height)
            page.insert_text((72, 90), text, fontsize=13)
        document.set_metadata({"title": title, "author": author})
        return bytes(document.tobytes(deflate=True))


def report_pdf() -> bytes:
    """Three pages: a heading with umlauts, a ruled table, prose."""
    with pymupdf.open() as document:
        _add_page(document).insert_text((72, 90), REPORT_TITLE, fontsize=20)
        _draw_table(_add_page(document))
        _add_page(document).insert_text((72, 90), list(PROSE), fontsize=12)
        document.set_metadata({"title": REPORT_TITLE, "author": "Käthe Müller"})
        return bytes(document.tobytes(deflate=True))


def scan_pdf(pages: Iterable[Sequence[str]], *, dpi: int = 150) -> bytes:
    """A PDF whose pages are pictures of text."""
    with pymupdf.open(stream=text_pdf(pages), filetype="pdf") as written, pymupdf.open() as scan:
        for page in written:
            picture = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
            _add_page(scan).insert_image(A4, pixmap=picture)
        return bytes(scan.tobytes(deflate=True))


def mixed_pdf() -> bytes:
    """Three pages: text, a scan, nothing."""
    with pymupdf.open(stream=text_pdf([PROSE]), filetype="pdf") as document:
        with pymupdf.open(stream=scan_pdf([PROSE]), filetype="pdf") as scan:
            document.insert_pdf(scan)
        _add_page(document)
        return bytes(document.tobytes(deflate=True))


def encrypted_pdf(password: str) -> bytes:
    """One page, readable with *password* only."""
    with pymupdf.open(stream=text_pdf(["Vertraulich"]), filetype="pdf") as document:
        return bytes(
            document.tobytes(
                encryption=pymupdf.mupdf.PDF_ENCRYPT_AES_256,
                user_pw=password,
                owner_pw=f"{password}!",
            )
        )


def time_bomb_pdf(depth: int = 20) -> bytes:
    """A small file that draws 10 to the power of *depth* strings: forms nested in forms."""
    forms = [b"/F Do " * 10] * depth
    leaf = b"BT /T 9 Tf (boom) Tj ET"
    first = 5
    objects = [
        _stream(
            content,
            b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<</F %d 0 R>>>>"
            % (first + index + 1),
        )
        for index, content in enumerate(forms)
    ]
    objects.append(
        _stream(leaf, b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</Font<</T 4 0 R>>>>")
    )
    return _one_page(b"/F Do", b"/XObject<</F %d 0 R>>" % first, objects)


def memory_bomb_pdf(operators: int = 6_000_000) -> bytes:
    """A small file that unpacks to *operators* strings on one page."""
    content = b"BT /T 9 Tf " + b"1 0 Td (abcdefgh) Tj " * operators + b"ET"
    return _one_page(content, b"/Font<</T 4 0 R>>", [])


def _add_page(document: pymupdf.Document) -> pymupdf.Page:
    return document.new_page(width=A4.width, height=A4.height)


def _draw_table(page: pymupdf.Page) -> None:
    for row, cells in enumerate(TABLE):
        for column, cell in enumerate(cells):
            box = pymupdf.Rect(0, 0, 120, 24) + (72 + 120 * column, 90 + 24 * row) * 2
            page.draw_rect(box)
            page.insert_text((box.x0 + 6, box.y1 - 7), cell, fontsize=11)


def _one_page(content: bytes, resources: bytes, objects: Sequence[bytes]) -> bytes:
    """A PDF of one page; *objects* are numbered from 5, the font is number 4."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 3 0 R/Resources<<%s>>>>"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    last = 5 + len(objects)
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % last,
        _stream(content, b""),
        font,
        *objects,
        page % resources,
    ]
    return _assemble(bodies)


def _stream(content: bytes, entries: bytes) -> bytes:
    packed = zlib.compress(content)
    head = b"<<%s/Filter/FlateDecode/Length %d>>" % (entries, len(packed))
    return head + b"stream\n" + packed + b"\nendstream"


def _assemble(bodies: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(bodies) + 1
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return bytes(out) + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)
