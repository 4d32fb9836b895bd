"""The reading order of lines: columns, lines across them, rows of cells."""

from __future__ import annotations

from support.layout_samples import column, line

from secretary_documents.pdf.layout.model import Line
from secretary_documents.pdf.layout.order import reading_order

HEIGHT = 10.0
LEFT = [f"left column, line number {number}" for number in range(8)]
RIGHT = [f"right column, line number {number}" for number in range(8)]


def texts(lines: list[Line]) -> list[str]:
    return [one.text for run in reading_order(lines, HEIGHT) for one in run]


def shuffled(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda one: one.text[::-1])


def test_the_left_column_is_read_before_the_right_one() -> None:
    lines = [*column(*LEFT), *column(*RIGHT, left=300)]
    assert texts(shuffled(lines)) == [*LEFT, *RIGHT]


def test_a_title_across_both_columns_is_read_before_them() -> None:
    title = line("A title that is as wide as both columns of the page, and more", top=85)
    lines = [*column(*LEFT), *column(*RIGHT, left=300), title]
    assert texts(shuffled(lines)) == [title.text, *LEFT, *RIGHT]


def test_columns_above_and_below_a_line_across_are_read_one_after_the_other() -> None:
    bridge = line("A caption that is as wide as both columns of the page, and more", top=200)
    lower = [*column("next", *LEFT, top=220), *column("last", *RIGHT, left=300, top=220)]
    lines = [*column(*LEFT), *column(*RIGHT, left=300), bridge, *lower]
    assert texts(lines) == [*LEFT, *RIGHT, bridge.text, "next", *LEFT, "last", *RIGHT]


def test_short_cells_at_the_height_of_a_label_are_read_with_it() -> None:
    labels = ["the first label of a row", "the second label of a row", "the third label of a row"]
    lines = [*column(*labels), *column("12", "34", "56", left=400)]
    assert texts(lines) == [labels[0], "12", labels[1], "34", labels[2], "56"]
