"""Pages written as Markdown."""

from __future__ import annotations

from collections.abc import Callable

import pymupdf
from support import pdf_samples

from secretary_documents.pdf.markdown import MarkdownWriter, sample_font_scale


def writer_of(document: pymupdf.Document) -> MarkdownWriter:
    return MarkdownWriter(sample_font_scale(document))


def written(draw: Callable[[pymupdf.Page], object], *, pages: int = 1) -> str:
    """Return the first page of a document that *draw* makes, as Markdown."""
    with pymupdf.open() as document:
        for _ in range(pages):
            draw(document.new_page())
        return writer_of(document).write(document[0])


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
        text = writer_of(document).write(document[1])
    head, rule, *rows = text.splitlines()
    assert head == "| Artikel | Menge | Preis |"
    assert rule == "| --- | --- | --- |"
    assert rows == ["| Äpfel | 12 | 3,40 |", "| Käse | 2 | 17,90 |"]


def test_the_markdown_of_a_page_does_not_depend_on_the_other_pages_read() -> None:
    with pymupdf.open(stream=pdf_samples.report_pdf()) as document:
        writer = writer_of(document)
        whole = [writer.write(page) for page in document]
        alone = [writer_of(document).write(document[number]) for number in (2, 0, 1)]
    assert alone == [whole[2], whole[0], whole[1]]
    assert whole[0] == f"# {pdf_samples.REPORT_TITLE}"


def test_links_that_run_a_script_become_text() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((72, 80), "Klick", fontsize=11)
        box = pymupdf.Rect(70, 68, 300, 84)
        page.insert_link({"kind": pymupdf.LINK_URI, "from": box, "uri": "javascript:alert(1)"})

    assert written(draw) == "Klick"
