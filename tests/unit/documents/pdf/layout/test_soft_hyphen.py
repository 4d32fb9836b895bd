"""Soft hyphens that a page shows are hyphens. Those without a width are no text."""

from __future__ import annotations

from collections.abc import Sequence

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.writers.output import write

CHARACTERS = {"~": "\N{SOFT HYPHEN}", "^": "\u200b", "|": "r\N{SOFT HYPHEN}"}
SENTENCE = "A well~known town had from 2019~2020 much infor~"
REST = "mation about the sea and its har^bours."


def page_with(document: pymupdf.Document, content: str) -> pymupdf.Page:
    """Return a page whose font says that the keys of ``CHARACTERS`` are other characters."""
    page = document.new_page(width=600, height=800)
    pairs = "".join(
        f"<{ord(key):02X}> <{chars.encode('utf-16-be').hex()}>" for key, chars in CHARACTERS.items()
    )
    to_unicode = (
        "/CMapType 2 def 1 begincodespacerange <00> <FF> endcodespacerange "
        f"{len(CHARACTERS)} beginbfchar {pairs} endbfchar"
    )
    entry = "/Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding"
    font = added(document, f"<<{entry}/ToUnicode {added(document, '<<>>', to_unicode)} 0 R>>")
    document.xref_set_key(page.xref, "Resources", f"<</Font<</F {font} 0 R>>>>")
    document.xref_set_key(page.xref, "Contents", f"{added(document, '<<>>', content)} 0 R")
    return document[0]


def added(document: pymupdf.Document, definition: str, stream: str = "") -> int:
    xref = int(document.get_new_xref())
    document.update_object(xref, definition)
    if stream:
        document.update_stream(xref, stream.encode())
    return xref


def lines(texts: Sequence[str], left: float = 72, top: float = 700) -> str:
    return "".join(
        f"BT /F 11 Tf {left} {top - 14 * row} Td ({text}) Tj ET\n" for row, text in enumerate(texts)
    )


def read(content: str, output: str) -> str:
    with pymupdf.open() as document:
        source = PageSource(page_with(document, content))
        if output == "plain":
            return PlainPage(source).text()
        return write(layout_of(source, sample_style(document)), output, keep_headers=True)


@pytest.mark.parametrize("output", ["plain", "text"])
def test_a_soft_hyphen_that_is_shown_is_a_hyphen(output: str) -> None:
    text = read(lines([SENTENCE, REST]), output)
    assert text == (
        "A well-known town had from 2019-2020 much infor-\nmation about the sea and its harbours."
    )


def test_a_word_that_is_divided_at_the_end_of_a_line_is_joined() -> None:
    assert read(lines([SENTENCE, REST]), "markdown") == (
        "A well-known town had from 2019-2020 much information about the sea and its harbours."
    )


def test_a_word_that_is_divided_in_a_cell_is_joined() -> None:
    cells = [["Subject"], ["Years"], ["Infor~", "mation"], ["2019~2020"]]
    content = "".join(
        f"{60 + 120 * (at % 2)} {680 - 40 * (at // 2)} 120 40 re S\n"
        + lines(cell, 64 + 120 * (at % 2), 706 - 40 * (at // 2))
        for at, cell in enumerate(cells)
    )
    assert read(content, "markdown").splitlines() == [
        "| Subject | Years |",
        "| --- | --- |",
        "| Information | 2019-2020 |",
    ]


def test_a_soft_hyphen_without_a_width_is_no_text() -> None:
    content = lines(["Info|mation of the harbour"])
    assert read(content, "plain") == "Information of the harbour"
    assert read(content, "markdown") == "Information of the harbour"
