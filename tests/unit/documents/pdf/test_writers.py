"""Blocks written as HTML, JSON and text."""

from __future__ import annotations

import json

from support.layout_samples import line

from secretary_documents.pdf.layout.model import Block, Box, Cell, Kind, PageLayout, Table
from secretary_documents.pdf.ocr.recognition import RecognisedLine, RecognisedWord, Recognition
from secretary_documents.pdf.writers.output import (
    place_in,
    write,
    write_plain,
    write_recognised,
)

BOX = Box(70.0, 90.0, 270.0, 130.0)
TABLE = Table(
    BOX,
    2,
    2,
    (Cell(0, 0, "a & b", column_span=2), Cell(1, 1, "2")),
)


def page() -> PageLayout:
    blocks = [
        Block(Kind.HEADER, BOX, [line("Running")], repeated=True),
        Block(Kind.HEADING, BOX, [line("A < B")], level=2),
        Block(Kind.LIST_ITEM, BOX, [line("first")], marker="•"),
        Block(Kind.LIST_ITEM, BOX, [line("second")], marker="•"),
        Block(Kind.TABLE, BOX, table=TABLE),
        Block(Kind.FOOTNOTE, BOX, [line("1 Note")]),
    ]
    return PageLayout(3, 595.0, 842.0, blocks)


def test_html_has_headings_lists_and_cells_over_several_columns() -> None:
    assert write(page(), "html", keep_headers=False).splitlines() == [
        "<h2>A &lt; B</h2>",
        "<ul><li>first</li><li>second</li></ul>",
        '<table><tr><th colspan="2">a &amp; b</th></tr><tr><td></td><td>2</td></tr></table>',
        '<p class="footnote">1 Note</p>',
    ]


def test_html_keeps_the_numbers_and_the_letters_of_lists() -> None:
    markers = ("4.", "5.", "a)", "b)")
    blocks = [Block(Kind.LIST_ITEM, BOX, [line("item")], marker=marker) for marker in markers]
    assert write(PageLayout(1, 595.0, 842.0, blocks), "html", keep_headers=False).splitlines() == [
        '<ol start="4"><li>item</li><li>item</li></ol>',
        "<ul><li>a) item</li><li>b) item</li></ul>",
    ]


def test_the_place_of_a_short_block_is_not_inside_other_words() -> None:
    last = Block(Kind.PARAGRAPH, BOX, [line("form")])
    blocks = [
        Block(Kind.PARAGRAPH, BOX, [line("A long text")]),
        last,
        Block(Kind.CAPTION, BOX, [line("More information")]),
    ]
    layout = PageLayout(1, 595.0, 842.0, blocks)
    written = write(layout, "markdown", keep_headers=False)
    assert place_in(written, layout, "markdown", last) == (13, 17)


def test_json_has_all_blocks_with_their_places() -> None:
    found = json.loads(write(page(), "json", keep_headers=False))
    assert (found["page"], found["width"]) == (3, 595.0)
    assert [block["kind"] for block in found["blocks"]][:2] == ["header", "heading"]
    assert found["blocks"][0]["repeated"] is True
    heading = found["blocks"][1]
    assert heading["box"] == [70.0, 90.0, 270.0, 130.0]
    assert (heading["order"], heading["level"], heading["text"]) == (1, 2, "A < B")
    assert found["blocks"][4]["table"]["cells"][0]["column_span"] == 2


def test_text_has_a_row_of_a_table_in_one_line() -> None:
    assert write(page(), "text", keep_headers=True).splitlines() == [
        "Running",
        "A < B",
        "• first",
        "• second",
        "a & b",
        "\t2",
        "1 Note",
    ]


def recognised(*texts: str, top: float) -> tuple[RecognisedLine, ...]:
    lines = []
    for number, text in enumerate(texts):
        box = Box(70.0, top + 12 * number, 170.0, top + 12 * number + 9)
        lines.append(RecognisedLine((RecognisedWord(box, text, 0.8),)))
    return tuple(lines)


def test_a_recognised_page_has_its_paragraphs_with_boxes_and_confidence() -> None:
    found = Recognition((recognised("one", "two", top=90), recognised("three", top=150)))
    layout = PageLayout(1, 595.0, 842.0, found.blocks())
    blocks = json.loads(write_recognised(layout, found.text, "json"))["blocks"]
    assert [block["text"] for block in blocks] == ["one two", "three"]
    assert [block["box"] for block in blocks] == [[70, 90, 170, 111], [70, 150, 170, 159]]
    assert {(block["method"], block["confidence"]) for block in blocks} == {("ocr", 0.8)}
    assert write_recognised(layout, found.text, "text") == "one\ntwo\n\nthree"


def test_a_page_without_a_layout_has_its_paragraphs() -> None:
    empty = PageLayout(1, 595.0, 842.0)
    blocks = json.loads(write_plain(empty, "one\ntwo\n\nthree", "json", method="native"))["blocks"]
    assert [block["text"] for block in blocks] == ["one two", "three"]
