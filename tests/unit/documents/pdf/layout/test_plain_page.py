"""Plain text in the order of the file, for pages with one column."""

from __future__ import annotations

import pymupdf

from secretary_documents.pdf.layout.document_style import sample_running_lines
from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource


def page_with(*boxes: tuple[float, float, float, float]) -> PlainPage:
    """Return a page with text in each of *boxes*."""
    with pymupdf.open() as document:
        page = document.new_page()
        for box in boxes:
            page.insert_textbox(box, "Ein Satz über die Sitzung am Montag. " * 8)
        plain = PlainPage(PageSource(page))
        plain.text()  # while the document is open
        return plain


def test_blocks_below_each_other_are_one_column_and_blocks_side_by_side_are_not() -> None:
    assert page_with((72, 100, 300, 300), (72, 320, 300, 500)).is_one_column()
    assert not page_with((72, 100, 280, 300), (310, 100, 520, 300)).is_one_column()


def test_repeated_lines_at_the_edge_are_left_out_and_a_page_of_only_such_lines_is_kept() -> None:
    with pymupdf.open() as document:
        for number in range(4):
            page = document.new_page()
            page.insert_text((72, 40), f"Bericht, Seite {number + 1}")
            if number:
                page.insert_text((72, 200), "Der Text der Seite.")
        style = sample_running_lines(document)
        texts = [
            PlainPage(PageSource(page)).without_running_lines(style.running) for page in document
        ]
    assert style.running == {"bericht, seite #"}
    assert texts[1:] == ["Der Text der Seite."] * 3
    assert texts[0] == "Bericht, Seite 1"


def test_numbers_at_the_axes_of_a_chart_are_no_rows_but_the_cells_of_a_table_are() -> None:
    def is_plain(*cells: str) -> bool:
        with pymupdf.open() as document:
            page = document.new_page()
            page.insert_text((72, 60), "Ein Satz über die Sitzung am Montag, und noch ein Satz.")
            for row, texts in enumerate(cells):
                for column, text in enumerate(texts.split()):
                    page.insert_text((72 + 90 * column, 100 + 40 * row), text)
            plain = PlainPage(PageSource(page))
            return plain.is_one_column()

    assert is_plain("-1.5 0.5 1.5 2.5", "-200 -100 0 100", "-4.5 4.5 5.5 6.5")
    assert not is_plain("Käse 1 2 3", "Brot 3 4 5", "Obst 5 6 7")
