"""Running heads and feet are left out, but not the rows of lists that reach the edge of a page."""

from __future__ import annotations

from collections.abc import Iterator

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_running_lines, sample_style
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.writers.markdown import to_markdown
from secretary_documents.pdf.writers.text import to_text

PAGES = 4


def statement(pitch: float) -> Iterator[tuple[pymupdf.Document, list[str]]]:
    """Yield a document whose pages are full of rows, and all amounts."""
    amounts: list[str] = []
    with pymupdf.open() as document:
        for number in range(PAGES):
            page = document.new_page(width=600, height=800)
            page.insert_text((295, 780), str(number + 1), fontsize=9)
            for row in range(int(720 / pitch)):
                amounts.append(f"1.{len(amounts) + 100},00")
                page.insert_text((60, 40 + pitch * row), "Item", fontsize=10)
                page.insert_text((160, 40 + pitch * row), amounts[-1], fontsize=10)
        yield document, amounts


def pages_of(document: pymupdf.Document) -> list[pymupdf.Page]:
    return [document[at] for at in range(PAGES)]


@pytest.mark.parametrize("pitch", [14, 36])
def test_the_rows_of_a_list_at_the_edges_of_pages_are_kept(pitch: float) -> None:
    for document, amounts in statement(pitch):
        style = sample_style(document)
        layouts = [layout_of(PageSource(page), style) for page in pages_of(document)]
        for write in (to_markdown, to_text):
            text = " ".join(write(layout.blocks) for layout in layouts)
            assert [amount for amount in amounts if amount not in text] == []
            assert text.count("Item") == len(amounts)
        plain = [PlainPage(PageSource(page)) for page in pages_of(document)]
        running = sample_running_lines(document).running
        texts = " ".join(page.without_running_lines(running) for page in plain)
        assert [amount for amount in amounts if amount not in texts] == []


def test_the_numbers_of_pages_and_the_heads_are_left_out() -> None:
    for document, _ in statement(14):
        pages = pages_of(document)
        for page in pages:
            page.insert_text((60, 20), "Statement of the year", fontsize=9)
        style = sample_style(document)
        for number, page in enumerate(pages, start=1):
            lines = to_text(layout_of(PageSource(page), style).blocks).split("\n")
            assert str(number) not in lines
            assert "Statement of the year" not in lines
