"""Footnotes come after the text of all columns, and before the foot of the page."""

from __future__ import annotations

from support.layout_samples import line

from secretary_documents.pdf.layout.kinds.footnote import footnotes_last, mark_footnotes
from secretary_documents.pdf.layout.model import Block, Kind
from secretary_documents.pdf.layout.style import DocumentStyle

STYLE = DocumentStyle(body=10)


def block(text: str, left: float, top: float, size: float = 10) -> Block:
    found = line(text, left, top, size=size)
    return Block(Kind.PARAGRAPH, found.box, [found])


def test_a_footnote_of_the_left_column_comes_after_the_right_column() -> None:
    blocks = [
        block("the left column", 72, 100),
        block("12 A note.", 72, 700, size=8),
        block("the right column", 300, 100),
        block("the foot of the page", 72, 760),
    ]
    mark_footnotes(blocks[:3], STYLE)
    assert [one.lines[0].text for one in footnotes_last(blocks)] == [
        "the left column",
        "the right column",
        "12 A note.",
        "the foot of the page",
    ]


def test_small_text_above_the_text_of_its_column_is_no_footnote() -> None:
    blocks = [block("12 A remark.", 72, 100, size=8), block("the text below", 72, 130)]
    mark_footnotes(blocks, STYLE)
    assert blocks[0].kind is Kind.PARAGRAPH
