"""Code and formulas are kinds of their own."""

from __future__ import annotations

from collections.abc import Callable

import pymupdf
import pytest
from support.layout_samples import line

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.kinds.formula import mark_formulas
from secretary_documents.pdf.layout.model import Block, Box, Kind, Line, Span
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.source import PageSource, is_math_font
from secretary_documents.pdf.writers.html import to_html
from secretary_documents.pdf.writers.markdown import to_markdown
from secretary_documents.pdf.writers.text import to_text

PROSE = "The sitting began at nine, and all members of the committee were there. "
CODE = ["def total(rows):", "    if not rows:", "        return 0", "", "    return sum(rows)"]


def blocks_of(draw: Callable[[pymupdf.Page], object]) -> list[Block]:
    with pymupdf.open() as document:
        draw(document.new_page())
        return layout_of(PageSource(document[0]), sample_style(document)).blocks


def test_large_lines_that_differ_in_their_number_are_headings_and_no_running_heads() -> None:
    with pymupdf.open() as document:
        for number in range(1, 4):
            page = document.new_page()
            page.insert_text((72, 60), f"Section {number}", fontsize=20)
            page.insert_text((72, 810), f"Page {number}", fontsize=9)
            page.insert_textbox((72, 100, 500, 300), PROSE * 6, fontsize=11)
        style = sample_style(document)
        kinds = [
            [block.kind for block in layout_of(PageSource(page), style).blocks] for page in document
        ]
    assert kinds == [[Kind.HEADING, Kind.PARAGRAPH, Kind.FOOTER]] * 3


def draw_code(page: pymupdf.Page) -> None:
    page.insert_textbox((72, 72, 500, 180), PROSE * 4, fontsize=11)
    page.insert_text((90, 200), CODE, fontname="cour", fontsize=10)


def test_lines_of_one_width_with_the_signs_of_a_program_keep_their_indents() -> None:
    prose, code = blocks_of(draw_code)
    assert (prose.kind, code.kind) == (Kind.PARAGRAPH, Kind.CODE)
    whole = "\n".join(CODE)
    assert to_markdown([code]) == f"```\n{whole}\n```"
    assert to_html([code]) == f"<pre><code>{whole}</code></pre>"
    assert to_text([code]) == whole


def test_a_typed_letter_is_no_code() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((72, 100), ["Dear {name},", "total = 12;", "yours;"], fontname="cour")

    assert Kind.CODE not in {block.kind for block in blocks_of(draw)}


def test_addresses_of_one_width_are_no_code() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_textbox((72, 72, 500, 180), PROSE * 4, fontsize=11)
        page.insert_text((90, 200), ["{ann,bob}@example.com", "{eve}@example.com"], fontname="cour")

    assert Kind.CODE not in {block.kind for block in blocks_of(draw)}


def test_fences_inside_code_do_not_end_it() -> None:
    code = Block(Kind.CODE, Box(0, 0, 9, 9), [line("```"), line("x = 1")])
    assert to_markdown([code]) == "````\n```\nx = 1\n````"


def kind_of(*spans: Span) -> Kind:
    block = Block(Kind.PARAGRAPH, Box(0, 0, 9, 9), [Line(Box(0, 0, 9, 9), spans)])
    mark_formulas([block])
    return block.kind


def test_text_in_fonts_for_mathematics_with_a_relation_is_a_formula() -> None:
    assert kind_of(Span("E", 10, math=True), Span("= ", 10), Span("mc", 10, math=True)) is (
        Kind.FORMULA
    )


def test_symbols_without_known_fonts_are_a_formula() -> None:
    assert kind_of(Span("Δ + Φ = ∑ Ψ (3)", 10)) is Kind.FORMULA


@pytest.mark.parametrize(
    "text",
    ["Let x be greater than y, so x > y holds.", "2024", "Δ and Φ", "a = b in the following"],
)
def test_sentences_and_numbers_are_no_formulas(text: str) -> None:
    assert kind_of(Span(text, 10)) is Kind.PARAGRAPH


def test_a_font_for_mathematics_is_known_by_its_name_in_a_subset() -> None:
    assert is_math_font("ABCDEF+CMMI10")
    assert is_math_font("CambriaMath")
    assert not is_math_font("ABCDEF+CMR10")
