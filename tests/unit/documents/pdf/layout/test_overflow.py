"""A cell whose text runs into the next cell, as spreadsheets print it."""

from __future__ import annotations

import pymupdf
import pytest

from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.tables.text import rows_of_words, segments_of
from secretary_documents.pdf.mupdf.document import silence_mupdf

COLUMN, FONT = 180.0, pymupdf.Font("helv")


def cells_on(name: str, *, end: float) -> list[str]:
    """Return the parts of the last of 7 rows, in which *name* ends at *end*."""
    silence_mupdf()  # boxes of letters are as high as in the child
    with pymupdf.open() as document:
        page = document.new_page()
        for row in range(7):
            text = name if row == 6 else "Horn"
            left = end - FONT.text_length(text, 10) if row == 6 else 72.0
            page.insert_text((left, 100 + 20 * row), text, fontsize=10)
            page.insert_text((COLUMN, 100 + 20 * row), f"{20 + row} 111", fontsize=10)
        rows = rows_of_words(PageSource(page).words)
    return [segment.text for segment in segments_of(rows[-1])]


def test_a_word_is_divided_where_the_next_cell_begins() -> None:
    assert cells_on("Ackermann-Meyer", end=COLUMN + 1.9) == ["Ackermann-Meyer", "26 111"]


@pytest.mark.parametrize("end", [COLUMN, COLUMN + 1.0])
def test_letters_that_only_touch_or_are_kerned_stay_one_word(end: float) -> None:
    assert cells_on("Ackermann-Meyer", end=end) == ["Ackermann-Meyer26 111"]


def test_a_word_that_ends_before_the_cell_stays_whole() -> None:
    assert cells_on("Ackermann", end=COLUMN - 20) == ["Ackermann", "26 111"]
