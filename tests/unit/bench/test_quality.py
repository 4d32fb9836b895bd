"""The measures of structure: what they find equal, and what they count."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

import pymupdf
import pytest
from quality.cells import relations
from quality.drawing import draw_page
from quality.markup import grid_of, table_tree, with_html_tables
from quality.measures import compare, count_breaks, mhs, teds

TABLE = "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_equal_markdown_has_full_marks() -> None:
    text = f"# Title\n\nSome words.\n\n{TABLE}"
    scores = compare(text, text)
    assert (scores.overall, scores.wrong_breaks, scores.missed) == (1, 0, 0)


def test_a_page_without_tables_and_headings_has_no_measure_of_them() -> None:
    scores = compare("Some words.", f"# Some\n\n{TABLE}")
    assert scores.teds is None
    assert scores.mhs is None


def test_a_table_with_one_wrong_cell_of_four_loses_one_of_its_seven_nodes() -> None:
    wrong = TABLE.replace("2", "x")
    assert teds(with_html_tables(TABLE), with_html_tables(wrong)) == pytest.approx(6 / 7)


def test_the_level_of_a_heading_does_not_count_and_its_text_does() -> None:
    assert mhs("# One\n\ntext", "### One\n\ntext") == 1
    assert mhs("# One\n\ntext", "# Two\n\ntext") == pytest.approx(2 / 3)


def test_a_break_inside_a_paragraph_is_wrong() -> None:
    truth = "one two three four five six\n\nseven eight nine"
    found = "one two three\n\nfour five six\n\nseven eight nine"
    assert count_breaks(truth, found) == (2, 1)


def test_cells_are_neighbours_over_empty_cells_and_spans() -> None:
    [tree] = table_tree(
        ["<table><tr><td colspan=2>h</td></tr><tr><td>a</td><td></td><td>b</td></tr></table>"]
    ).children
    assert set(relations(grid_of(tree))) == {("h", "a", "down"), ("a", "b", "right")}


def test_a_line_break_in_a_cell_counts_as_a_space() -> None:
    wanted, found = TABLE.replace("1", "1 x"), TABLE.replace("1", "1<br>x")
    assert teds(with_html_tables(wanted), with_html_tables(found)) == 1


@pytest.mark.parametrize("turned", [0, 90])
def test_the_drawing_of_a_page_has_its_boxes_and_none_of_its_words(
    tmp_path: Path, turned: int
) -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=300, height=500)
        page.insert_text((40, 60), "Confidential", fontsize=12)
        page.set_rotation(turned)
        document.save(tmp_path / "page.pdf")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
        drawn = child.submit(draw_page, tmp_path / "page.pdf").result()
    shown = (500, 300) if turned else (300, 500)
    assert 'viewBox="0 0 {} {}"'.format(*shown) in drawn
    assert "Confidential" not in drawn
    bars = [bar for bar in ET.fromstring(drawn) if bar.get("fill") == "#d0d3d4"]
    [block] = [one for one in ET.fromstring(drawn) if one.get("fill") == "none"]
    assert len(bars) == 1
    for side in ("x", "y"):
        assert float(bars[0].attrib[side]) == pytest.approx(float(block.attrib[side]), abs=3)
