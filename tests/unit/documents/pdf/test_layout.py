"""Lines of text become headings, lists and paragraphs; other text is escaped."""

from __future__ import annotations

from collections import Counter

import pytest

from secretary_documents.pdf.layout import (
    TextLine,
    blocks_to_markdown,
    escape,
    escape_start,
    join_lines,
    text_to_markdown,
)
from secretary_documents.pdf.markdown import font_scale
from secretary_documents.pdf.table import Table


def lines(*texts: str | tuple[str, int] | tuple[str, int, float]) -> list[TextLine]:
    """Return lines below each other, from their text, heading level and left edge."""
    found = []
    for row, given in enumerate(texts):
        text, level, left = (*((given,) if isinstance(given, str) else given), 0, 72.0)[:3]
        if not isinstance(given, str) and len(given) == 2:
            left = 72.0
        found.append(TextLine(text, level, left, row * 14.0, row * 14.0 + 12))
    return found


def test_lines_of_a_block_become_one_paragraph_and_headings_are_separate() -> None:
    block = lines(("Bericht über das", 1), ("erste Jahr", 1), "Es begann", "im Mai.")
    assert blocks_to_markdown([block, lines("Und endete.")]) == (
        "# Bericht über das erste Jahr\n\nEs begann im Mai.\n\nUnd endete."
    )


def test_a_list_keeps_its_depth_and_continues_in_the_next_block() -> None:
    blocks = [
        lines("• eins", "geht weiter"),
        lines(("• zwei", 0, 72.0), ("• darunter", 0, 90.0), ("• und", 0, 90.0)),
        lines(("3. drei", 0, 72.0)),
        lines("Danach."),
    ]
    assert blocks_to_markdown(blocks) == (
        "- eins geht weiter\n- zwei\n  - darunter\n  - und\n3. drei\n\nDanach."
    )


def test_a_bullet_on_the_same_line_as_its_text_belongs_to_it() -> None:
    bullet = TextLine("\uf0b7", 0, 72, 10, 22)
    text = TextLine("Punkt", 0, 90, 10.5, 22.5)
    assert blocks_to_markdown([[bullet, text]]) == "- Punkt"


def test_a_table_is_written_between_the_text_around_it() -> None:
    table = Table((0, 0, 9, 9), (("a|b", "c"), ("*1*", "")))
    assert blocks_to_markdown([lines("vor"), table, lines("nach")]) == (
        "vor\n\n| a\\|b | c |\n| --- | --- |\n| \\*1\\* |  |\n\nnach"
    )


def test_a_long_text_in_large_letters_is_no_heading() -> None:
    assert not blocks_to_markdown([lines(("wort " * 60, 1))]).startswith("#")


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["Donau-", "dampfer"], "Donaudampfer"),
        (["E-", "Mail"], "E- Mail"),
        (["1914-", "bis 1918"], "1914- bis 1918"),
        (["eins ", " zwei", ""], "eins zwei"),
        ([], ""),
    ],
)
def test_words_divided_at_the_end_of_a_line_are_joined(parts: list[str], whole: str) -> None:
    assert join_lines(parts) == whole


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a*b [c](d) `e`", "a\\*b \\[c\\](d) \\`e\\`"),
        ("snake_case _so_", "snake_case \\_so\\_"),
        ("1 < 2 <b>", "1 < 2 \\<b>"),
    ],
)
def test_markup_characters_in_the_text_are_escaped(text: str, safe: str) -> None:
    assert escape(text) == safe


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("# 1", "\\# 1"),
        ("#1", "#1"),
        ("1. Mai", "1\\. Mai"),
        ("- so", "\\- so"),
        ("-5 Grad", "-5 Grad"),
        ("> x", "\\> x"),
        ("---", "\\---"),
    ],
)
def test_a_paragraph_does_not_start_a_heading_list_or_quotation(text: str, safe: str) -> None:
    assert escape_start(text) == safe


def test_recognised_text_becomes_paragraphs() -> None:
    assert (
        text_to_markdown("Ein Ab-\nsatz.\n\n# Noch\neiner.\n") == "Ein Absatz.\n\n\\# Noch einer."
    )


def test_headings_are_larger_than_the_body_and_rare() -> None:
    scale = font_scale(Counter({11.0: 5000, 12.0: 300, 24.0: 20, 16.0: 90, 9.0: 700}))
    assert [scale.level(size) for size in (24, 16.1, 12, 11, 9)] == [1, 2, 0, 0, 0]
    assert font_scale(Counter({20.0: 50, 10.0: 60})).level(20) == 0, "as much as the body"
    assert font_scale(Counter()).level(10) == 0
