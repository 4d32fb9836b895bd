"""Drawings with short labels are figures; text in a coloured box is text."""

from __future__ import annotations

from support.layout_samples import line

from secretary_documents.pdf.layout.figure import drawn_figures
from secretary_documents.pdf.layout.model import Box, Kind

PAGE = Box(0, 0, 595, 842)
CURVES = [Box(100, 100, 180, 160), Box(175, 120, 220, 190)]


def test_the_labels_of_a_chart_are_one_figure_and_the_text_below_is_not() -> None:
    labels = [line("10", 90, 105), line("x", 215, 180), line("f(x)", 150, 110), line("0", 90, 185)]
    below = line("The text below the chart goes on.", 100, 200)
    [figure] = drawn_figures(CURVES, [*labels, below], PAGE)
    assert figure.block().kind is Kind.FIGURE
    assert [label.text for label in figure.lines] == ["10", "f(x)", "x", "0"]


def test_text_in_a_box_with_round_corners_is_no_figure() -> None:
    texts = [line("Our purpose", 105, 105), line("is to make", 105, 117), line("AI", 105, 130)]
    assert drawn_figures(CURVES, [*texts, line("beneficial.", 105, 145)], PAGE) == []


def test_a_drawing_behind_the_whole_page_is_no_figure() -> None:
    labels = [line(text, 100, 100 + 20 * at) for at, text in enumerate(("1", "2", "3", "4"))]
    assert drawn_figures([PAGE], labels, PAGE) == []
