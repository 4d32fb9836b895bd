"""A table on a scan that lies on its side or upside down has its rows in the order of the text."""

from __future__ import annotations

import pymupdf
import pytest

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.ocr.picture import draw
from secretary_documents.pdf.ocr.recognition import RecognisedLine, RecognisedWord, Recognition
from secretary_documents.pdf.ocr.turned_tables import tables_on, turn_of

ROWS = [["Name", "Count", "Price"], ["Apple", "12", "3.50"], ["Pear", "7", "1.20"]]
MOST_PIXELS = 10_000_000


def draw_table(page: pymupdf.Page) -> list[list[Box]]:
    """Draw ``ROWS`` with rules; return the places of the words."""
    places = []
    for row, cells in enumerate(ROWS):
        places.append(
            [
                Box(105 + 90 * at, 105 + 24 * row, 145 + 90 * at, 119 + 24 * row)
                for at in range(len(cells))
            ]
        )
        for at in range(len(cells)):
            page.draw_rect(pymupdf.Rect(0, 0, 90, 24) + (100 + 90 * at, 100 + 24 * row) * 2)
    return places


def recognition(page: pymupdf.Page, places: list[list[Box]]) -> Recognition:
    """Return what an engine finds on *page* as it is shown, in the order of the text."""
    lines = []
    for boxes, texts in zip(places, ROWS, strict=True):
        shown = [Box(*(pymupdf.Rect(box) * page.rotation_matrix)) for box in boxes]
        words = (RecognisedWord(box, text, 0.9) for box, text in zip(shown, texts, strict=True))
        lines.append(RecognisedLine(tuple(words)))
    return Recognition((tuple(lines),))


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_the_rows_of_a_turned_table_follow_its_text(turned: int) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        places = draw_table(page)
        page.set_rotation(turned)
        found = recognition(page, places)
        [table] = tables_on(page, draw(page, MOST_PIXELS), found, MOST_PIXELS)
    assert turn_of(found) == turned
    assert table.grid() == ROWS
    assert all(table.box.wider(1).holds(word.box.middle) for word in found.words)


def test_words_that_run_to_the_left_in_their_script_are_not_turned() -> None:
    texts = ("\u05e9\u05dc\u05d5\u05dd", "\u05e2\u05d5\u05dc\u05dd")
    boxes = (Box(200, 10, 240, 20), Box(100, 10, 140, 20))
    words = (RecognisedWord(box, text, 0.9) for box, text in zip(boxes, texts, strict=True))
    assert turn_of(Recognition(((RecognisedLine(tuple(words)),),))) == 0
