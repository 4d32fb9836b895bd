"""The lines of a column become paragraphs and items."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.layout_samples import column, line

from secretary_documents.pdf.layout.model import Kind, Line, Span
from secretary_documents.pdf.layout.paragraph import paragraphs_of, rows_of, with_drop_caps

LONG = "a line that is as long as the column,"


def parts(lines: list[Line]) -> list[str]:
    return [" ".join(one.text for one in block.lines) for block in paragraphs_of(lines, 1.2)]


def test_lines_at_the_usual_distance_are_one_paragraph() -> None:
    assert parts(column(LONG, LONG, "and its end.")) == [f"{LONG} {LONG} and its end."]


def test_a_wide_space_begins_a_paragraph() -> None:
    lines = [*column(LONG, "end"), *column("Next", "one", top=140)]
    assert parts(lines) == [f"{LONG} end", "Next one"]


def test_an_indent_after_a_sentence_begins_a_paragraph() -> None:
    lines = [*column(LONG, "and the end of a long sentence here."), line("Next one", 90, 124)]
    assert parts(lines) == [f"{LONG} and the end of a long sentence here.", "Next one"]


def test_another_size_begins_a_paragraph() -> None:
    lines = [line("Title", size=14, top=90), *column(LONG, top=106)]
    assert parts(lines) == ["Title", LONG]


def test_bullets_and_numbers_begin_items_that_reach_over_several_lines() -> None:
    lines = [
        line("•", 72, 100),
        line("first item,", 84, 100),
        line("continued", 84, 112),
        line("2. second", 72, 124),
    ]
    blocks = list(paragraphs_of(lines, 1.2))
    assert [block.kind for block in blocks] == [Kind.LIST_ITEM, Kind.LIST_ITEM]
    assert [block.marker for block in blocks] == ["•", "2."]
    assert parts(lines) == ["first item, continued", "second"]


@pytest.mark.parametrize("text", ["(202) 707-5080", "1914. was a year", "etc. and so on"])
def test_other_text_begins_no_item(text: str) -> None:
    assert [block.kind for block in paragraphs_of([line(text)], 1.2)] == [Kind.PARAGRAPH]


def test_a_large_first_letter_belongs_to_the_first_line_beside_it() -> None:
    lines = [line("O", size=24, top=100), *column("nce upon", "a time", left=85, top=102)]
    assert [one.text for one in with_drop_caps(lines, 10)] == ["Once upon", "a time"]


def test_a_bullet_without_a_meaning_before_a_box_begins_an_item() -> None:
    [block] = paragraphs_of([line("\ufffd ☐There is no limit")], 1.2)
    assert (block.kind, block.marker) == (Kind.LIST_ITEM, "•")
    assert block.lines[0].text == "There is no limit"


def test_a_link_over_words_with_wide_spaces_stays_one_link() -> None:
    first, second = line("Our", 72), line("method", 92)
    linked = [
        replace(one, spans=(replace(one.spans[0], link="https://a.example"), Span(" ", 10)))
        for one in (first, second)
    ]
    [joined] = rows_of(linked)
    assert [span.link for span in joined.spans[:3]] == ["https://a.example"] * 3
