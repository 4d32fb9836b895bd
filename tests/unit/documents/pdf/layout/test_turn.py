"""Text that is turned by 90 or 180 degrees is read as upright text."""

from __future__ import annotations

from collections.abc import Callable

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.model import Block, Kind
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.plain_page import PlainPage
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.writers.output import write

ROWS = [["Artikel", "Menge", "Preis"], ["Äpfel", "12", "3,40"], ["Käse", "2", "17,90"]]
ROWS += [["Brot und Butter", "14", "4,10"], ["Kartoffeln", "7", "2,20"]]


def blocks_of(turn: int, *, ruled: bool) -> list[Block]:
    """Return the blocks of a page with a table that is turned by *turn* degrees."""
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((72, 60), "Anhang mit einer gedrehten Tabelle", fontsize=11)
        for row, cells in enumerate(ROWS):
            for column, cell in enumerate(cells):
                across, along = 24 * row, 120 * column
                if turn == 90:
                    place, box = (200 + across, 500 - along), (184 + across, 386 - along)
                else:
                    place, box = (400 - across, 200 + along), (392 - across, 194 + along)
                page.insert_text(place, cell, fontsize=11, rotate=turn)
                if ruled:
                    page.draw_rect(pymupdf.Rect(*box, box[0] + 24, box[1] + 120))
        return layout_of(PageSource(page), sample_style(document)).blocks


@pytest.mark.parametrize("turn", [90, 270])
@pytest.mark.parametrize("ruled", [True, False])
def test_a_turned_table_has_its_rows_and_its_place(turn: int, *, ruled: bool) -> None:
    tables = [block for block in blocks_of(turn, ruled=ruled) if block.table]
    assert [block.table.grid() for block in tables if block.table] == [ROWS]
    box = tables[0].box
    assert (box.left > 150, box.right < 420, box.top > 100, box.bottom < 600) == (True,) * 4
    assert box.height > 1.5 * box.width


def test_a_turned_label_stays_a_line() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((30, 500), "Seitenvermerk am Rand", fontsize=9, rotate=90)
        blocks = layout_of(PageSource(page), sample_style(document)).blocks
    assert [(block.kind, block.lines[0].text) for block in blocks] == [
        (Kind.PARAGRAPH, "Seitenvermerk am Rand")
    ]


LEFT = "Minutes of the meeting in May. All members were there. The budget was approved."
RIGHT = "Next year the library will open on Sundays too. The doors will close at six."


def columns(page: pymupdf.Page) -> None:
    page.insert_text((30, 40), "Two columns", fontsize=18)
    page.insert_textbox((30, 60, 195, 480), " ".join([LEFT] * 3), fontsize=12)
    page.insert_textbox((225, 60, 390, 480), " ".join([RIGHT] * 3), fontsize=12)


def ruled_table(page: pymupdf.Page) -> None:
    page.insert_text((72, 60), "A table with its rules", fontsize=11)
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            box = pymupdf.Rect(0, 0, 100, 24) + (60 + 100 * column, 90 + 24 * row) * 2
            page.draw_rect(box)
            page.insert_text((box.x0 + 6, box.y1 - 7), cell, fontsize=11)


def any_order(page: pymupdf.Page) -> None:
    for number in (3, 1, 4, 0, 2):
        text = f"Sentence number {number} stands on this page alone."
        page.insert_text((60, 60 + 40 * number), text, fontsize=12)


def texts_of(document: pymupdf.Document) -> list[str]:
    source = PageSource(document[0])
    plain = PlainPage(source)
    layout = layout_of(source, sample_style(document))
    texts = [write(layout, output, keep_headers=True) for output in ("text", "markdown", "json")]
    return [plain.text() if plain.is_one_column() else texts[0], *texts[1:]]


@pytest.mark.parametrize("turn", [90, 180, 270])
@pytest.mark.parametrize("draw", [columns, ruled_table, any_order])
def test_a_page_whose_rotation_makes_its_text_upright_is_read_as_it_is_shown(
    draw: Callable[[pymupdf.Page], None], turn: int
) -> None:
    with pymupdf.open() as upright, pymupdf.open() as turned:
        draw(upright.new_page(width=420, height=500))
        size = (500, 420) if turn % 180 else (420, 500)
        page = turned.new_page(width=size[0], height=size[1])
        page.show_pdf_page(page.rect, upright, 0, rotate=turn)
        page.set_rotation(turn)
        assert texts_of(turned)[:2] == texts_of(upright)[:2]


def test_the_box_of_text_that_is_upside_down_is_where_it_stands() -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=300)
        page.insert_text((300, 100), "Kopf", fontsize=20, rotate=180)
        [line] = PageSource(page).lines
    assert line.box.top < 100 < line.box.top + 8
    assert line.box.bottom > 112
    assert line.upside_down


def test_mirrored_text_is_not_upside_down() -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=300)
        mirror = (pymupdf.Point(300, 100), pymupdf.Matrix(-1, 1))
        page.insert_text((300, 100), "Kopf", fontsize=20, morph=mirror)
        [line] = PageSource(page).lines
    assert not line.upside_down
