"""Lines that a file has several times or out of order, and numbers of lines in the margin."""

from __future__ import annotations

import pymupdf

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.model import shown
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.source import PageSource


def texts_of(*pieces: tuple[float, float, str]) -> list[str]:
    """Return the texts of the shown blocks of a page with *pieces*: left, baseline, text."""
    with pymupdf.open() as document:
        page = document.new_page()
        for left, y, text in pieces:
            page.insert_text((left, y), text, fontsize=12)
        blocks = layout_of(PageSource(page), sample_style(document)).blocks
        kept = shown(blocks, keep_headers=False)
        parts = [block.table.cells if block.table else block.lines for block in kept]
        return [" ".join(part.text for part in block) for block in parts]


def test_text_that_is_drawn_again_to_look_bold_is_there_once() -> None:
    copies = [(72 + 0.3 * number, 100.0, "Ein fetter Titel") for number in range(3)]
    assert texts_of(*copies, (72, 160, "Der Text.")) == ["Ein fetter Titel", "Der Text."]


def test_the_same_text_at_two_places_is_there_twice() -> None:
    assert texts_of((72, 100, "gleich"), (72, 160, "gleich")) == ["gleich", "gleich"]


def test_the_pieces_of_one_line_are_read_from_the_left_in_any_order_of_the_file() -> None:
    pieces = [(252, 100, "springt hoch"), (72, 100, "Der schnelle"), (162, 100, "braune Fuchs")]
    assert texts_of(*pieces) == ["Der schnelle braune Fuchs springt hoch"]


PROSE = [
    "Der Hafen liegt im Norden der Stadt, und die",
    "schweren Schiffe kommen dort am Abend an,",
] * 4


def test_the_numbers_of_lines_in_the_margin_are_no_text() -> None:
    numbers = [(40.0, 100.0 + 15 * row, str(row + 1)) for row in range(8)]
    lines = [(72.0, 100.0 + 15 * row, text) for row, text in enumerate(PROSE)]
    assert texts_of(*numbers, *lines) == [" ".join(PROSE)]


def test_the_numbers_of_the_rows_of_a_list_are_text() -> None:
    rows = [f"Artikel {row} aus dem Lager im Norden der Stadt" for row in range(8)]
    numbers = [(40.0, 100.0 + 15 * row, str(row + 1)) for row in range(8)]
    lines = [(72.0, 100.0 + 15 * row, text) for row, text in enumerate(rows)]
    assert "8" in " ".join(texts_of(*numbers, *lines)).split()


FIRST = "זהו הטור הראשון של הדף והוא עומד בצד ימין"
SECOND = "זהו הטור השני של הדף והוא עומד בצד שמאל"


def test_the_column_at_the_right_is_the_first_one_if_the_text_runs_to_the_left() -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=420, height=400)
        places = (
            (pymupdf.Rect(30, 40, 195, 380), SECOND),
            (pymupdf.Rect(225, 40, 390, 380), FIRST),
        )
        for place, text in places:
            style = 'dir="rtl" style="font-size:12px"'
            page.insert_htmlbox(place, f"<div {style}>{' '.join([text] * 4)}</div>")
        blocks = layout_of(PageSource(page), sample_style(document)).blocks
    texts = [" ".join(line.text for line in block.lines) for block in blocks]
    assert texts == [" ".join([FIRST] * 4), " ".join([SECOND] * 4)]
