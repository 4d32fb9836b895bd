"""Headings by size, weight, numbers, capitals and the outline."""

from __future__ import annotations

import pytest
from support.layout_samples import line

from secretary_documents.pdf.layout.kinds.heading import mark_headings
from secretary_documents.pdf.layout.model import Block, Kind, Line
from secretary_documents.pdf.layout.style import DocumentStyle

STYLE = DocumentStyle(body=10, sizes=(20, 14), outline=(("a title of the outline", 3),))


def marked(first: Line, *, style: DocumentStyle = STYLE) -> tuple[Kind, int]:
    after = line("The text below the heading is an ordinary sentence.", top=130)
    blocks = [Block(Kind.PARAGRAPH, one.box, [one]) for one in (first, after)]
    mark_headings(blocks, style)
    assert blocks[1].kind is Kind.PARAGRAPH
    return blocks[0].kind, blocks[0].level


def block(text: str, *, size: float, left: float = 72, top: float = 100) -> Block:
    found = line(text, left, top, size=size)
    return Block(Kind.PARAGRAPH, found.box, [found])


@pytest.mark.parametrize(("size", "level"), [(20, 1), (14, 2)])
def test_larger_text_is_a_heading_of_the_level_of_its_size(size: float, level: int) -> None:
    assert marked(line("A title", size=size)) == (Kind.HEADING, level)


def test_a_short_bold_block_is_a_heading_unless_the_body_is_bold() -> None:
    assert marked(line("A title", bold=True))[0] is Kind.HEADING
    bold = DocumentStyle(body=10, bold_share=0.9)
    assert marked(line("A title", bold=True), style=bold)[0] is Kind.PARAGRAPH


def test_a_short_line_of_capitals_before_a_paragraph_is_a_heading() -> None:
    assert marked(line("A TITLE IN CAPITALS"))[0] is Kind.HEADING


def test_a_number_gives_the_level() -> None:
    assert marked(line("2.1.3 A title", bold=True)) == (Kind.HEADING, 3)


def test_a_title_of_the_outline_has_its_level() -> None:
    assert marked(line("A title of the outline")) == (Kind.HEADING, 3)


@pytest.mark.parametrize("text", ["References", "Table of Contents", "Inhaltsverzeichnis"])
def test_the_usual_titles_are_headings(text: str) -> None:
    assert marked(line(text))[0] is Kind.HEADING


@pytest.mark.parametrize(
    "text",
    [
        "An ordinary line",
        "12 345",
        "A remark in large letters that has several sentences. This is the second one.",
    ],
)
def test_other_text_is_no_heading(text: str) -> None:
    assert marked(line(text, size=10 if "ordinary" in text else 14))[0] is Kind.PARAGRAPH


@pytest.mark.parametrize("text", ["Figure 3: A bold caption", "Table 2. Numbers", "Abb. 1: Bild"])
def test_a_caption_is_no_heading(text: str) -> None:
    assert marked(line(text, bold=True))[0] is Kind.CAPTION


def test_large_text_below_several_small_headings_of_a_slide_is_no_heading() -> None:
    pairs = [("Our purpose", "Making things"), ("Our mission", "Everywhere")]
    blocks = []
    for at, (small, large) in enumerate(pairs):
        blocks += [block(small, size=13, left=72 + 200 * at)]
        blocks += [block(large, size=18, left=72 + 200 * at, top=118)]
    mark_headings(blocks, DocumentStyle(body=10, sizes=(18, 13)))
    kinds = [Kind.HEADING, Kind.PARAGRAPH]
    assert [one.kind for one in blocks] == kinds + kinds


def test_a_date_is_no_heading() -> None:
    blocks = [block("June 2023", size=16), block("12. März 2024", size=16)]
    mark_headings(blocks, DocumentStyle(body=10, sizes=(16,)))
    assert [one.kind for one in blocks] == [Kind.PARAGRAPH, Kind.PARAGRAPH]
