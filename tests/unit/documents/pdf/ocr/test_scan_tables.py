"""Tables on pictures of pages: by rules in the picture, else by aligned words."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pymupdf
import pytest

from secretary_documents.pdf.layout.model import Box, PageLayout, Word
from secretary_documents.pdf.ocr.picture import draw
from secretary_documents.pdf.ocr.recognition import (
    RecognisedLine,
    RecognisedWord,
    Recognition,
)
from secretary_documents.pdf.ocr.rules import rules_in
from secretary_documents.pdf.ocr.scan_tables import tables_in
from secretary_documents.pdf.writers.output import write_recognised

ROWS = [["Artikel", "Menge", "Preis"], ["Brot", "12", "3,40"], ["Honig", "2", "17,90"]]


def table_page(document: pymupdf.Document, *, ruled: bool, askew: float = 0.0) -> pymupdf.Page:
    """Return a page with ROWS at (72, 90); *askew*: how far each rule falls, in points."""
    page = document.new_page()
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            page.insert_text((78 + 120 * column, 107 + 24 * row), cell, fontsize=11)
    for at in range(4 if ruled else 0):
        page.draw_line((72, 90 + 24 * at), (432, 90 + 24 * at + askew))
        page.draw_line((72 + 120 * at, 90), (72 + 120 * at - askew, 162))
    return page


def words_on(page: pymupdf.Page) -> list[Word]:
    return [Word(Box(*word[:4]), word[4]) for word in page.get_text("words")]


def test_rules_are_found_in_the_pixels_and_letters_are_none() -> None:
    with pymupdf.open() as document:
        across, upright = rules_in(draw(table_page(document, ruled=True), 10**7))
    assert [round(rule.top) for rule in across] == [90, 114, 138, 162]
    assert sorted(round(rule.left) for rule in upright) == [72, 192, 312, 432]


def test_a_black_picture_has_no_rules() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.draw_rect((100, 100, 400, 400), fill=(0, 0, 0))
        assert rules_in(draw(page, 10**7)) == ([], [])


@pytest.mark.parametrize(("ruled", "askew"), [(True, 0.0), (True, 2.0), (False, 0.0)])
def test_a_table_on_a_picture_has_its_cells(*, ruled: bool, askew: float) -> None:
    with pymupdf.open() as document:
        page = table_page(document, ruled=ruled, askew=askew)
        [table] = tables_in(draw(page, 10**7), words_on(page))
    assert table.grid() == ROWS


def recognised(rows: Sequence[Sequence[str]], top: float) -> tuple[RecognisedLine, ...]:
    return tuple(
        RecognisedLine(
            tuple(
                RecognisedWord(Box(78 + 120 * at, y, 110 + 120 * at, y + 10), text, 0.9)
                for at, text in enumerate(cells)
            )
        )
        for y, cells in ((top + 24 * number, cells) for number, cells in enumerate(rows))
    )


def test_a_recognised_table_is_written_where_its_lines_are_and_keeps_its_rows() -> None:
    before, after = recognised([["Preise"]], 60), recognised([["Ende"]], 200)
    lines = recognised(ROWS, 98)
    with pymupdf.open() as document:
        picture = draw(table_page(document, ruled=True), 10**7)
    plain = Recognition((before, lines, after))
    found = Recognition(
        plain.paragraphs,
        tuple(tables_in(picture, [Word(word.box, word.text) for word in plain.words])),
    )
    rows = "\n".join("\t".join(cells) for cells in ROWS)
    assert found.text == f"Preise\n\n{rows}\n\nEnde"
    layout = PageLayout(1, 595, 842, found.blocks())
    markdown = write_recognised(layout, found.text, "markdown")
    assert "| Honig | 2 | 17,90 |\n\nEnde" in markdown
    kinds = [block["kind"] for block in json.loads(write_recognised(layout, "", "json"))["blocks"]]
    assert kinds == ["paragraph", "table", "paragraph"]
