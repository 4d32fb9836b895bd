"""Tables that are turned by 90 degrees are read as tables."""

from __future__ import annotations

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.model import Block, Kind
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.source import PageSource

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
