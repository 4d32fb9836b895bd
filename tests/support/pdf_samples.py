"""Generates sample PDFs: text, scans, encrypted files and damaged ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pymupdf

A4 = pymupdf.paper_rect("a4")
SLIP = pymupdf.Rect(0, 0, 300, 60)
"""A page so small that OCR takes almost no time."""
TABLE = (("Artikel", "Menge", "Preis"), ("Äpfel", "12", "3,40"), ("Käse", "2", "17,90"))
REPORT_TITLE = "Jahresbericht über größere Vorhaben"
PROSE = (
    "Die Sitzung begann pünktlich um neun Uhr.",
    "Alle Mitglieder des Ausschusses waren anwesend.",
    "The minutes of the last meeting were approved.",
    "Next year the library will open on Sundays too.",
)


def text_pdf(
    pages: Iterable[str | Sequence[str]],
    *,
    title: str = "",
    author: str = "",
    box: pymupdf.Rect = A4,
) -> bytes:
    """Return a PDF with a page of the size *box* for each text."""
    with pymupdf.open() as document:
        for text in pages:
            page = document.new_page(width=box.width, height=box.height)
            start = (min(72, box.width / 10), min(90, box.height / 2))
            page.insert_text(start, text, fontsize=13)
        document.set_metadata({"title": title, "author": author})
        return bytes(document.tobytes(deflate=True))


def report_pdf() -> bytes:
    """Return a PDF of three pages: a heading with umlauts, a ruled table, prose."""
    with pymupdf.open() as document:
        _add_page(document).insert_text((72, 90), REPORT_TITLE, fontsize=20)
        _draw_table(_add_page(document))
        _add_page(document).insert_text((72, 90), list(PROSE), fontsize=12)
        document.set_metadata({"title": REPORT_TITLE, "author": "Käthe Müller"})
        return bytes(document.tobytes(deflate=True))


def scan_pdf(pages: Iterable[Sequence[str]], *, dpi: int = 150) -> bytes:
    """Return a PDF whose pages are images of text."""
    with pymupdf.open(stream=text_pdf(pages), filetype="pdf") as written, pymupdf.open() as scan:
        for page in written:
            picture = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
            _add_page(scan).insert_image(A4, pixmap=picture)
        return bytes(scan.tobytes(deflate=True))


def mixed_pdf() -> bytes:
    """Return a PDF of three pages: text, a scan, a blank page."""
    with pymupdf.open(stream=text_pdf([PROSE]), filetype="pdf") as document:
        with pymupdf.open(stream=scan_pdf([PROSE]), filetype="pdf") as scan:
            document.insert_pdf(scan)
        _add_page(document)
        return bytes(document.tobytes(deflate=True))


def illustrated_pdf() -> bytes:
    """Return a PDF of one page: prose, a picture with the word "Revenue", prose."""
    with pymupdf.open() as drawn, pymupdf.open() as document:
        drawn.new_page(width=300, height=100).insert_text((40, 60), "Revenue 2025", fontsize=24)
        picture = drawn[0].get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
        page = _add_page(document)
        page.insert_textbox((72, 90, 500, 200), " ".join(PROSE), fontsize=12)
        page.insert_image((100, 250, 400, 350), pixmap=picture)
        page.insert_textbox((72, 400, 500, 500), " ".join(PROSE), fontsize=12)
        return bytes(document.tobytes(deflate=True))


def thin_pdf() -> bytes:
    """Return a PDF of an image 2 mm wide and 30 m long, too large for OCR, and a small page."""
    with pymupdf.open(stream=text_pdf(["Beleg 12"], box=SLIP), filetype="pdf") as document:
        thin = document.new_page(0, width=1, height=14_400)
        dot = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 1, 1))
        thin.insert_image(thin.rect, pixmap=dot, keep_proportion=False)
        document.xref_set_key(thin.xref, "UserUnit", "6")
        return bytes(document.tobytes())


CIPHERS = {
    "rc4-40": pymupdf.mupdf.PDF_ENCRYPT_RC4_40,
    "rc4-128": pymupdf.mupdf.PDF_ENCRYPT_RC4_128,
    "aes-128": pymupdf.mupdf.PDF_ENCRYPT_AES_128,
    "aes-256": pymupdf.mupdf.PDF_ENCRYPT_AES_256,
}


def encrypted_pdf(user: str, *, owner: str = "owner", cipher: str = "aes-256") -> bytes:
    """Return a PDF of one page, encrypted with two passwords.

    With an empty *user* password it opens without a password.
    """
    with pymupdf.open(stream=text_pdf(["Vertraulich"]), filetype="pdf") as document:
        return bytes(document.tobytes(encryption=CIPHERS[cipher], user_pw=user, owner_pw=owner))


def certificate_pdf(handler: str = "Adobe.PubSec") -> bytes:
    """Return a PDF that a security *handler* for certificates has encrypted."""
    crypt_filter = "<</DefaultCryptFilter<</CFM/AESV2/Length 16/Recipients[<30820100>]>>>>"
    entry = (
        f"/Encrypt<</Filter/{handler}/SubFilter/adbe.pkcs7.s5/V 4/Length 128/CF{crypt_filter}"
        "/StmF/DefaultCryptFilter/StrF/DefaultCryptFilter>>"
    )
    # The trailer is the last part of the file, so no offset changes.
    return text_pdf(["x"]).replace(b"/ID[", entry.encode() + b"/ID[")


def dangling_pdf(pages: Iterable[str], *, user: str = "") -> bytes:
    """Return a PDF whose even pages refer to a missing object, which PDF treats as null.

    It is encrypted if *user*, the user's password, is given.
    """
    with pymupdf.open(stream=text_pdf(pages), filetype="pdf") as document:
        for page in list(document)[1::2]:
            resources = int(document.xref_get_key(page.xref, "Resources")[1].split()[0])
            document.xref_set_key(resources, "XObject", "<</X 9999 0 R>>")
        how = {"encryption": CIPHERS["aes-256"], "user_pw": user, "owner_pw": "owner"}
        return bytes(document.tobytes(**(how if user else {})))


def _add_page(document: pymupdf.Document) -> pymupdf.Page:
    return document.new_page(width=A4.width, height=A4.height)


def _draw_table(page: pymupdf.Page) -> None:
    for row, cells in enumerate(TABLE):
        for column, cell in enumerate(cells):
            box = pymupdf.Rect(0, 0, 120, 24) + (72 + 120 * column, 90 + 24 * row) * 2
            page.draw_rect(box)
            page.insert_text((box.x0 + 6, box.y1 - 7), cell, fontsize=11)
