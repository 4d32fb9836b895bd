"""Lines are joined, and text is escaped so that Markdown shows it unchanged."""

from __future__ import annotations

import pytest

from secretary_documents.pdf.writers.markup import (
    escape,
    escape_start,
    join_lines,
    text_to_markdown,
)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["Donau-", "dampfer"], "Donaudampfer"),
        (["E-", "Mail"], "E- Mail"),
        (["1914-", "bis 1918"], "1914- bis 1918"),
        (["eins ", " zwei", ""], "eins zwei"),
        (["Name: ________", "Ort"], "Name: ___ Ort"),
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
        ("~5 ~~no~~ ~~~", "~5 \\~\\~no\\~\\~ \\~\\~\\~"),
        ("a & b &copy; &#60;", "a & b \\&copy; \\&#60;"),
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
