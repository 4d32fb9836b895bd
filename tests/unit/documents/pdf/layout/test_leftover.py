"""Each word of a page is in its text once, whether a table has the word or not."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pymupdf
import pytest

from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.model import Box, Line, Span, Table, Word
from secretary_documents.pdf.layout.page_layout import layout_of
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.tables.leftover import lines_outside
from secretary_documents.pdf.writers.markdown import to_markdown

_WORD = re.compile(r"w\d+")
GREY = (0.85, 0.85, 0.85)


def markdown_of(draw: Callable[[pymupdf.Page], object]) -> str:
    with pymupdf.open() as document:
        draw(document.new_page(width=600, height=800))
        layout = layout_of(PageSource(document[0]), sample_style(document))
        return to_markdown(layout.blocks, keep_headers=True)


class RandomPage:
    """A page with paragraphs and tables below each other. Each word is there once."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.words = 0

    def draw(self, page: pymupdf.Page) -> None:
        y = 40.0
        while y < 700:
            y = self._draw_table(page, y) if self._random.random() < 0.6 else self._prose(page, y)
            y += self._random.choice([14, 18, 30])

    def _words(self, count: int) -> str:
        first, self.words = self.words, self.words + count
        return " ".join(f"w{number}" for number in range(first, self.words))

    def _prose(self, page: pymupdf.Page, y: float) -> float:
        for _ in range(self._random.randint(1, 4)):
            page.insert_text((50, y), self._words(self._random.randint(2, 14)), fontsize=10)
            y += 13
        return y

    def _draw_table(self, page: pymupdf.Page, top: float) -> float:
        columns, rows = self._random.randint(1, 4), self._random.randint(1, 6)
        width, height = self._random.randint(50, 110), self._random.randint(14, 30)
        kind = self._random.choice(["ruled", "across", "coloured", "upright"])
        is_full, has_labels = self._random.random() < 0.4, self._random.random() < 0.4
        for row, column in ((row, column) for row in range(rows) for column in range(columns)):
            cell = pymupdf.Rect(0, 0, width, height) + (90 + column * width, top + row * height) * 2
            self._draw_cell(page, cell, kind)
            # A text that is too long for the last column reaches out of the table.
            most = 8 if is_full and column == columns - 1 else max(1, width // 28)
            text = self._words(self._random.randint(1, most))
            page.insert_text((cell.x0 + 3, cell.y1 - 4), text, fontsize=9)
            if has_labels and column == 0:
                page.insert_text((76, cell.y1 - 4), self._words(1), fontsize=5)
        return top + rows * height

    @staticmethod
    def _draw_cell(page: pymupdf.Page, cell: pymupdf.Rect, kind: str) -> None:
        if kind == "ruled":
            page.draw_rect(cell)
        elif kind == "coloured":
            page.draw_rect(cell, color=None, fill=GREY)
        elif kind == "across":
            page.draw_line(cell.tl, cell.tr)
            page.draw_line(cell.bl, cell.br)
        else:
            page.draw_line(cell.tl, cell.bl)
            page.draw_line(cell.tr, cell.br)


@pytest.mark.parametrize("seed", range(20))
def test_a_page_with_tables_has_each_word_once(seed: int) -> None:
    page = RandomPage(seed)
    counts = Counter(_WORD.findall(markdown_of(page.draw)))
    assert counts == Counter(f"w{number}" for number in range(page.words))


def rows(page: pymupdf.Page) -> Iterator[pymupdf.Rect]:
    """Yield the cells of a ruled table with two columns, row by row."""
    for row in range(4):
        for column in range(2):
            cell = pymupdf.Rect(0, 0, 120, 20) + (72 + 120 * column, 100 + 20 * row) * 2
            page.draw_rect(cell)
            yield cell


def test_the_end_of_a_text_that_is_too_long_for_its_cell_stands_after_the_table() -> None:
    def draw(page: pymupdf.Page) -> None:
        for number, cell in enumerate(rows(page)):
            text = "and so on, " * 4 + "until the end" if number == 3 else f"cell {number}"
            page.insert_text((cell.x0 + 4, cell.y1 - 6), text, fontsize=10)

    before, after = markdown_of(draw).split("| cell 6 | cell 7 |")
    assert "| cell 2 | and so on, and so on, and |" in before
    assert after.strip() == "so on, and so on, until the end"


def test_the_number_before_a_row_of_a_table_is_kept() -> None:
    def draw(page: pymupdf.Page) -> None:
        for number, cell in enumerate(rows(page)):
            page.insert_text((cell.x0 + 2, cell.y1 - 6), f"cell {number}", fontsize=10)
            if number == 2:
                page.insert_text((64, cell.y1 - 6), "7", fontsize=10)

    text = markdown_of(draw)
    assert text.split().count("7") == 2
    assert "| cell 2 | cell 3 |" in text


def test_cells_whose_text_is_drawn_again_to_look_bold_have_it_once() -> None:
    def draw(page: pymupdf.Page) -> None:
        for number, cell in enumerate(rows(page)):
            for shift in (4.0, 4.6):
                page.insert_text((cell.x0 + shift, cell.y1 - 6), f"sum {number}", fontsize=10)

    assert markdown_of(draw).count("sum") == 8


def test_a_line_among_other_texts_is_cut_at_its_own_words() -> None:
    line = Line(Box(0, 10, 90, 20), (Span("one two three", 10),))
    places = enumerate(("one", "two", "three"))
    words = [Word(Box(30 * at, 10, 30 * at + 25, 20), text) for at, text in places]
    other = Word(Box(10, 11, 40, 19), "other")
    table = Table(Box(30, 0, 60, 30), 1, 1, ())
    left = lines_outside([line], [table], [words[0], other, *words[1:]])
    assert [(one.text, one.box) for one in left] == [
        ("one", words[0].box),
        ("three", words[2].box),
    ]
