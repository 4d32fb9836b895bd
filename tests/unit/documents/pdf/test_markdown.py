"""Pages written as Markdown."""

from __future__ import annotations

from collections.abc import Callable

import pymupdf
from support import pdf_samples

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.model import Block, Box, Cell, Kind, Line, Span, Table
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.writers.markdown import table_to_markdown, to_markdown


def markdown_of(document: pymupdf.Document, number: int, *, keep_headers: bool = False) -> str:
    """Return the page with the index *number* as Markdown."""
    blocks = layout_of(PageSource(document[number]), sample_style(document)).blocks
    return to_markdown(blocks, keep_headers=keep_headers)


def written(draw: Callable[[pymupdf.Page], object], *, pages: int = 1) -> str:
    """Return the first page of a document that *draw* makes, as Markdown."""
    with pymupdf.open() as document:
        for _ in range(pages):
            draw(document.new_page())
        return markdown_of(document, 0)


def test_headings_paragraphs_lists_and_links() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((72, 80), "Jahresbericht", fontsize=24)
        page.insert_text((72, 120), "Übersicht", fontsize=16)
        page.insert_textbox((72, 140, 300, 260), " ".join(pdf_samples.PROSE), fontsize=11)
        page.insert_text((72, 300), ["• Äpfel", "• Käse"], fontsize=11)
        page.insert_text((72, 380), "Mehr auf unserer Seite", fontsize=11)
        box = pymupdf.Rect(70, 368, 300, 384)
        page.insert_link({"kind": pymupdf.LINK_URI, "from": box, "uri": "https://example.com/a b"})

    assert written(draw) == "\n\n".join(
        [
            "# Jahresbericht",
            "## Übersicht",
            " ".join(pdf_samples.PROSE),
            "- Äpfel\n- Käse",
            "[Mehr auf unserer Seite](https://example.com/a%20b)",
        ]
    )


def test_a_ruled_table_becomes_a_table_and_its_text_is_not_repeated() -> None:
    with pymupdf.open(stream=pdf_samples.report_pdf()) as document:
        text = markdown_of(document, 1)
    head, rule, *rows = text.splitlines()
    assert head == "| Artikel | Menge | Preis |"
    assert rule == "| --- | --- | --- |"
    assert rows == ["| Äpfel | 12 | 3,40 |", "| Käse | 2 | 17,90 |"]


def test_the_markdown_of_a_page_does_not_depend_on_the_other_pages_read() -> None:
    with pymupdf.open(stream=pdf_samples.report_pdf()) as document:
        whole = [markdown_of(document, number) for number in range(3)]
        alone = [markdown_of(document, number) for number in (2, 0, 1)]
    assert alone == [whole[2], whole[0], whole[1]]
    assert whole[0] == f"# {pdf_samples.REPORT_TITLE}"


def test_links_that_run_a_script_become_text() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((72, 80), "Klick", fontsize=11)
        box = pymupdf.Rect(70, 68, 300, 84)
        page.insert_link({"kind": pymupdf.LINK_URI, "from": box, "uri": "javascript:alert(1)"})

    assert written(draw) == "Klick"


def test_the_address_of_a_link_stays_in_one_line() -> None:
    address = "https://a.example/x\ty\rz\u2028(q)"
    spans = (Span("Klick", 11, link=address),)
    box = Box(72, 80, 100, 91)
    block = Block(Kind.PARAGRAPH, box, [Line(box, spans)])
    assert to_markdown([block]) == "[Klick](https://a.example/x%09y%0Dz%E2%80%A8%28q%29)"


def test_running_heads_and_page_numbers_are_left_out_unless_they_are_kept() -> None:
    with pymupdf.open() as document:
        for number in range(4):
            page = document.new_page()
            page.insert_text((72, 40), "Jahresbericht", fontsize=9)
            page.insert_textbox((72, 140, 300, 260), " ".join(pdf_samples.PROSE), fontsize=11)
            page.insert_text((300, 810), f"{number + 1}", fontsize=9)
        prose = " ".join(pdf_samples.PROSE)
        assert markdown_of(document, 1) == prose
        assert markdown_of(document, 1, keep_headers=True) == f"Jahresbericht\n\n{prose}\n\n2"


def test_a_list_keeps_its_depth() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((72, 100), "Alles, was wir brauchen:", fontsize=11)
        for number, (left, text) in enumerate([(72, "eins"), (90, "darunter"), (72, "zwei")]):
            page.insert_text((left, 120 + 14 * number), f"• {text}", fontsize=11)

    assert written(draw).endswith("- eins\n  - darunter\n- zwei")


def test_a_cell_with_markup_is_escaped() -> None:
    table = Table(Box(0, 0, 9, 9), 2, 2, (Cell(0, 0, "a|b"), Cell(0, 1, "c"), Cell(1, 0, "*1*")))
    assert table_to_markdown(table) == "| a\\|b | c |\n| --- | --- |\n| \\*1\\* |  |"
