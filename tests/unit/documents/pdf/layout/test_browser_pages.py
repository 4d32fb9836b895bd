"""Tables and lists as browsers print them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.model import Block, Kind
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.source import PageSource

ROWS = [["Hafen", "ein", "aus"], ["Oslo", "10", "11"], ["Bergen", "5", "6"], ["Rom", "7", "8"]]
LEFTS, HIGH = (60.0, 160.0, 184.0, 208.0), 18.0


def blocks_of(draw: Callable[[pymupdf.Page], None]) -> list[Block]:
    """Return the blocks of a page on which *draw* draws, with a line of text below."""
    with pymupdf.open() as document:
        page = document.new_page()
        draw(page)
        page.insert_text((60, 300), "Der Text nach der Tabelle steht hier.", fontsize=11)
        return layout_of(PageSource(page), sample_style(document)).blocks


def grids(blocks: Sequence[Block]) -> list[list[list[str]]]:
    return [block.table.grid() for block in blocks if block.table]


def write_rows(page: pymupdf.Page) -> None:
    for row, cells in enumerate(ROWS):
        for left, text in zip(LEFTS, cells, strict=False):
            page.insert_text((left + 3, 100 + HIGH * row + 13), text, fontsize=11)


def draw_frame(page: pymupdf.Page, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a frame whose upright sides are polygons with slanted ends, as Chromium does."""
    shape, thick = page.new_shape(), 0.75
    for y in (top, bottom - thick):
        shape.draw_rect((left, y, right, y + thick))
        shape.finish(fill=(0.3, 0.3, 0.3), color=None)
    for x, inner in ((left, left + thick), (right, right - thick)):
        shape.draw_polyline([(x, top), (x, bottom), (inner, bottom - thick), (inner, top + thick)])
        shape.finish(fill=(0.6, 0.6, 0.6), color=None)
    shape.commit()


def test_cells_with_frames_of_their_own_inside_the_frame_of_the_table_are_its_cells() -> None:
    def draw(page: pymupdf.Page) -> None:
        write_rows(page)
        draw_frame(page, LEFTS[0] - 2, 98, LEFTS[3] + 2, 102 + HIGH * len(ROWS))
        for row in range(len(ROWS)):
            for left, right in pairwise(LEFTS):
                top = 100 + HIGH * row
                draw_frame(page, left, top, right - 1.5, top + HIGH - 1.5)

    assert grids(blocks_of(draw)) == [ROWS]


def draw_stripes(page: pymupdf.Page, rows: Sequence[int]) -> None:
    for row in rows:
        for left, right in pairwise(LEFTS):
            top = 100 + HIGH * row
            page.draw_rect((left, top, right, top + HIGH), fill=(0.9, 0.9, 0.9), color=None)


@pytest.mark.parametrize("coloured", [(0, 2), (1, 3)])
def test_a_table_with_every_second_row_coloured_is_one_table(coloured: Sequence[int]) -> None:
    def draw(page: pymupdf.Page) -> None:
        draw_stripes(page, coloured)
        write_rows(page)

    assert grids(blocks_of(draw)) == [ROWS]


def test_text_below_the_last_coloured_row_is_no_row() -> None:
    def draw(page: pymupdf.Page) -> None:
        draw_stripes(page, (0, 2, 4))
        write_rows(page)
        page.insert_text((LEFTS[0] + 3, 100 + HIGH * 4 + 13), "Summe", fontsize=11)
        page.insert_text((LEFTS[0], 100 + HIGH * 5 + 13), "Ein Satz steht unter der Tabelle.")

    blocks = blocks_of(draw)
    assert grids(blocks) == [[*ROWS, ["Summe", "", ""]]]
    assert [line.text for line in blocks[1].lines][:1] == ["Ein Satz steht unter der Tabelle."]


@pytest.mark.parametrize("shape", ["circle", "ring", "square"])
def test_drawn_bullets_make_items_of_a_list(shape: str) -> None:
    texts = ["Python", "Eine Sprache mit Typen", "Rust"]

    def draw(page: pymupdf.Page) -> None:
        for number, text in enumerate(texts):
            y = 100 + 15 * number
            page.insert_text((76, y), text, fontsize=11)
            fill = None if shape == "ring" else (0, 0, 0)
            if shape == "square":
                page.draw_rect((66, y - 6, 70, y - 2), fill=fill, color=None)
            else:
                page.draw_circle((68, y - 4), 2, fill=fill, color=None if fill else (0, 0, 0))

    *items, after = blocks_of(draw)
    assert [(item.kind, item.marker, item.lines[0].text) for item in items] == [
        (Kind.LIST_ITEM, "•", text) for text in texts
    ]
    assert after.kind is Kind.PARAGRAPH


def test_a_dot_between_two_words_is_no_bullet() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((60, 100), "Oslo", fontsize=11)
        page.draw_circle((96, 96), 2, fill=(0, 0, 0))
        page.insert_text((104, 100), "Bergen", fontsize=11)

    assert {block.kind for block in blocks_of(draw)} == {Kind.PARAGRAPH}


def test_rules_in_pieces_show_the_columns_of_the_rows_above_and_below() -> None:
    edges = (60.0, 81.0, 190.0, 230.0)
    rows = [["Pos", "Ware", "Preis"], ["1", "Kupferdraht", "10.00"], ["2", "Lampe", "5.50"]]
    rows += [["", "Summe", "15.50"]]

    def draw(page: pymupdf.Page) -> None:
        for y in (118, 154):
            for left, right in pairwise(edges):
                page.draw_rect((left, y, right, y + 1), fill=(0, 0, 0), color=None)
        for row, cells in enumerate(rows):
            for left, text in zip(edges, cells, strict=False):
                page.insert_text((left + 1, 113 + HIGH * row), text, fontsize=11)

    assert grids(blocks_of(draw)) == [rows]


def test_a_sentence_below_rules_in_pieces_is_no_row() -> None:
    def draw(page: pymupdf.Page) -> None:
        for y in (118, 154):
            for left, right in pairwise(LEFTS):
                page.draw_rect((left, y, right, y + 1), fill=(0, 0, 0), color=None)
        write_rows(page)
        page.insert_text((60, 184), "Ein Satz unter der Tabelle, der lang ist.", fontsize=11)

    assert grids(blocks_of(draw)) == [ROWS]


def test_cells_that_are_centred_beside_a_cell_with_several_lines_are_in_its_row() -> None:
    edges = (60.0, 90.0, 190.0, 240.0)
    places = [(0, 113, "Pos"), (1, 113, "Ware"), (2, 113, "Preis")]
    places += [(1, 132, "Kupferdraht in der"), (1, 146, "langen roten"), (1, 160, "Rolle")]
    places += [(0, 146, "1"), (2, 146, "10.00"), (0, 174, "2"), (1, 174, "Lampe"), (2, 174, "5.50")]

    def draw(page: pymupdf.Page) -> None:
        for y in (118, 182):
            for left, right in pairwise(edges):
                page.draw_rect((left, y, right, y + 1), fill=(0, 0, 0), color=None)
        for column, y, text in places:
            page.insert_text((edges[column] + 1, y), text, fontsize=11)

    assert grids(blocks_of(draw)) == [
        [
            ["Pos", "Ware", "Preis"],
            ["1", "Kupferdraht in der langen roten Rolle", "10.00"],
            ["2", "Lampe", "5.50"],
        ]
    ]
